import { expect, test } from "vitest";

import { isVersionRange, newestIn } from "./version-range.ts";

const tags = ["v1.0.0", "1.2.0", "v1.10.0", "v2.0.0-rc.1", "v2.0.0", "latest", "v3", "1.10.0", "v1.2.0+build"];

test.each([
  ["1.x", "v1.10.0"],
  ["^1.2", "v1.10.0"],
  ["<1.2", "v1.0.0"],
  ["*", "v2.0.0"],
  [">=2.0.0-rc <2.0.0", "v2.0.0-rc.1"],
  ["2.0.0", "v2.0.0"],
  ["~1.2", "1.2.0"],
  [">=4", undefined],
])("of the tags, %s takes %s", (range, newest) => {
  expect(newestIn(range, tags)).toBe(newest);
});

test.each(["", "newest", "v1..2", ">=", `1.${"x".repeat(300)}`, "1 ||| 2"])("%j is no range", (text) => {
  expect(isVersionRange(text)).toBe(false);
});
