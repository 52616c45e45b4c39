import { expect, test } from "vitest";

import { equalJson } from "./json.ts";

test.each([
  [
    { a: 1, b: [null] },
    { b: [null], a: 1 },
  ],
  [{ a: undefined }, {}],
  [{}, { a: undefined }],
])("%j equals %j", (left, right) => {
  expect(equalJson(left, right)).toBe(true);
});

test.each([
  [{ a: null }, {}],
  [{}, { constructor: "x" }],
  [{ constructor: "x" }, {}],
  [[1], [1, 2]],
  [[], {}],
])("%j does not equal %j", (left, right) => {
  expect(equalJson(left, right)).toBe(false);
});
