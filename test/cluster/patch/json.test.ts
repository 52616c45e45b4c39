import { assert, json, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { PatchError } from "./error.ts";
import { jsonPatch } from "./json.ts";

const document = { a: { b: [1, 2, 3], "x/y": "slash", "m~n": "tilde" }, n: null };

describe("JSON patch", () => {
  test.each([
    ["adds a field", [{ op: "add", path: "/c", value: 1 }], { ...document, c: 1 }],
    [
      "adds at the end of a list",
      [{ op: "add", path: "/a/b/-", value: 4 }],
      { ...document, a: { ...document.a, b: [1, 2, 3, 4] } },
    ],
    [
      "inserts into a list",
      [{ op: "add", path: "/a/b/1", value: 9 }],
      { ...document, a: { ...document.a, b: [1, 9, 2, 3] } },
    ],
    ["removes from a list", [{ op: "remove", path: "/a/b/0" }], { ...document, a: { ...document.a, b: [2, 3] } }],
    [
      "replaces in a list",
      [{ op: "replace", path: "/a/b/2", value: 7 }],
      { ...document, a: { ...document.a, b: [1, 2, 7] } },
    ],
    [
      "reads escaped names",
      [{ op: "copy", from: "/a/x~1y", path: "/a/m~0n" }],
      { ...document, a: { ...document.a, "m~n": "slash" } },
    ],
    [
      "moves",
      [{ op: "move", from: "/a/b", path: "/b" }],
      { a: { "x/y": "slash", "m~n": "tilde" }, n: null, b: [1, 2, 3] },
    ],
    ["tests by value", [{ op: "test", path: "/a/b", value: [1, 2, 3] }], document],
    ["tests null", [{ op: "test", path: "/n", value: null }], document],
    ["replaces the document", [{ op: "replace", path: "", value: 5 }], 5],
  ])("%s", (_, operations, expected) => {
    expect(jsonPatch(document, operations)).toEqual(expected);
  });

  test.each([
    ["a test that fails", [{ op: "test", path: "/a/b/0", value: 2 }], 422],
    ["a missing target of remove", [{ op: "remove", path: "/a/zz" }], 422],
    ["a missing target of replace", [{ op: "replace", path: "/a/zz", value: 1 }], 422],
    ["a missing parent", [{ op: "add", path: "/zz/a", value: 1 }], 422],
    ["an index beyond the list", [{ op: "add", path: "/a/b/4", value: 1 }], 422],
    ["an index with a leading zero", [{ op: "add", path: "/a/b/01", value: 1 }], 422],
    ["an unknown operation", [{ op: "bogus", path: "/a" }], 422],
    ["an operation without value", [{ op: "add", path: "/a" }], 422],
    ["a move into itself", [{ op: "move", from: "/a", path: "/a/b/0" }], 422],
    ["no list of operations", { op: "add" }, 400],
  ])("refuses %s", (_, operations, status) => {
    expect(() => jsonPatch(document, operations)).toThrow(PatchError);
    expect(statusOf(() => jsonPatch(document, operations))).toBe(status);
  });

  test("does not reach prototypes", () => {
    expect(statusOf(() => jsonPatch(document, [{ op: "test", path: "/a/constructor", value: {} }]))).toBe(422);
  });

  test("an added value is read back by a test of the same value, and removed again", () => {
    assert(
      property(json(), (text) => {
        const value: unknown = JSON.parse(text);
        const added = jsonPatch(document, [
          { op: "add", path: "/new", value },
          { op: "test", path: "/new", value },
        ]);
        expect(jsonPatch(added, [{ op: "remove", path: "/new" }])).toEqual(document);
      }),
    );
  });
});

function statusOf(run: () => unknown): number | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof PatchError ? error.status : undefined;
  }
}
