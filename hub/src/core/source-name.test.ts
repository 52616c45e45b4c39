import { expect, it } from "vitest";

import { nameFromUrl } from "./source-name.ts";

it.each([
  ["https://git.example/team/Config.git", "config"],
  ["/home/ana/drover-demo/", "drover-demo"],
  ["git@git.example:platform", "platform"],
  ["https://git.example/..", "source"],
])("names the source of %s %s", (url, name) => {
  expect(nameFromUrl(url)).toBe(name);
});
