import { expect, test } from "vitest";

import { quote } from "./ssh-client.ts";

test.each([
  ["/srv/a.git", "'/srv/a.git'"],
  ['a b;$(x)`y`\\z"', "'a b;$(x)`y`\\z\"'"],
  ["it's", String.raw`'it'\''s'`],
  ["''", String.raw`''\'''\'''`],
  ["a!b", String.raw`'a'\!'b'`],
])("quotes the path %j for a shell", (path, quoted) => {
  expect(quote(path)).toBe(quoted);
});
