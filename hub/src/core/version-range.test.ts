import { expect, test } from "vitest";

import { isOlder, isRange, isVersion, pickVersion } from "./version-range.ts";

const published = ["6.5.0", "6.5.1", "7.0.0-rc.1", "7.0.0", "v6.6.0", "latest", "5.1", "6.5.1+build.2"];

test.each([
  ["6.x", "v6.6.0"],
  ["~6.5", "6.5.1"],
  [">=6.0.0 <6.6", "6.5.1"],
  [">=6.0.0, <7", "v6.6.0"],
  ["*", "7.0.0"],
  [">=7.0.0-rc <7.0.0", "7.0.0-rc.1"],
  ["6.5.0", "6.5.0"],
  ["6.6.0", "v6.6.0"],
  ["5.1", "5.1"],
  ["8.x", undefined],
  ["6.5.9", undefined],
])("%s means %s of what is published", (wanted, version) => {
  expect(pickVersion(wanted, published)).toBe(version);
});

test("a range is no version, and other text is neither", () => {
  expect(["6.5.1", "v6.5.1", "6.5.1+a"].every(isVersion)).toBe(true);
  expect(["6.x", "6", "latest", ""].some(isVersion)).toBe(false);
  expect(["6.x", "^6", ">=6 <7", ">=6, <7", "1 - 2", "5 || 6"].every(isRange)).toBe(true);
  expect(["", "latest", "six", "!=6", ">=6 nonsense", "v1..2", `1.${"x".repeat(300)}`].some(isRange)).toBe(false);
});

test("what is no version is neither older nor newer", () => {
  expect(isOlder("6.5.0", "v6.5.1")).toBe(true);
  expect(isOlder("6.5.1", "6.5.1")).toBe(false);
  expect(isOlder("latest", "6.5.1")).toBe(false);
  expect(isOlder("6.5.1", "latest")).toBe(false);
});
