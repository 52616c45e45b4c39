import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { applyJsonPatch, type JsonPatchOperation } from "./json-patch.ts";
import type { KubeObject } from "./manifest.ts";
import { jsonPatch, mergePatch, strategicMerge } from "./patch.ts";

const config: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" }, data: { a: "1" } };
const thing = (spec: unknown): KubeObject => ({
  apiVersion: "example.com/v1",
  kind: "Thing",
  metadata: { name: "x" },
  spec,
});

// The examples of RFC 6902, appendix A, and its rules in section 4.
const rfc: readonly [string, unknown, JsonPatchOperation, unknown][] = [
  ["A.1", { foo: "bar" }, { op: "add", path: "/baz", value: "qux" }, { baz: "qux", foo: "bar" }],
  ["A.2", { foo: ["bar", "baz"] }, { op: "add", path: "/foo/1", value: "qux" }, { foo: ["bar", "qux", "baz"] }],
  ["A.3", { baz: "qux", foo: "bar" }, { op: "remove", path: "/baz" }, { foo: "bar" }],
  ["A.4", { foo: ["bar", "qux", "baz"] }, { op: "remove", path: "/foo/1" }, { foo: ["bar", "baz"] }],
  ["A.5", { baz: "qux", foo: "bar" }, { op: "replace", path: "/baz", value: "boo" }, { baz: "boo", foo: "bar" }],
  [
    "A.6",
    { foo: { bar: "baz" }, qux: {} },
    { op: "move", from: "/foo/bar", path: "/qux/thud" },
    { foo: {}, qux: { thud: "baz" } },
  ],
  [
    "A.7",
    { foo: ["all", "grass", "cows", "eat"] },
    { op: "move", from: "/foo/1", path: "/foo/3" },
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  ["A.8", { baz: "qux" }, { op: "test", path: "/baz", value: "qux" }, { baz: "qux" }],
  [
    "A.10",
    { foo: "bar" },
    { op: "add", path: "/child", value: { grandchild: {} } },
    { foo: "bar", child: { grandchild: {} } },
  ],
  ["A.14", { "/": 9, "~1": 10 }, { op: "test", path: "/~01", value: 10 }, { "/": 9, "~1": 10 }],
  ["A.16", { foo: ["bar"] }, { op: "add", path: "/foo/-", value: ["abc"] }, { foo: ["bar", ["abc"]] }],
  ["an existing member is replaced by add", { a: 1 }, { op: "add", path: "/a", value: 2 }, { a: 2 }],
  ["copy", { a: [1] }, { op: "copy", from: "/a", path: "/b" }, { a: [1], b: [1] }],
  [
    "test ignores the order of keys",
    { a: { b: 1, c: 2 } },
    { op: "test", path: "/a", value: { c: 2, b: 1 } },
    { a: { b: 1, c: 2 } },
  ],
  ["the whole document", { a: 1 }, { op: "replace", path: "", value: { b: 2 } }, { b: 2 }],
  ["null, false, 0 and [] are values", { a: 1 }, { op: "replace", path: "/a", value: null }, { a: null }],
  ["a key with a slash", { "a/b": 1 }, { op: "replace", path: "/a~1b", value: 2 }, { "a/b": 2 }],
];

describe("JSON patch (RFC 6902)", () => {
  test.each(rfc)("%s", (_title, document, operation, expected) => {
    const before = structuredClone(document);
    expect(applyJsonPatch(document, [operation])).toEqual(expected);
    expect(document).toEqual(before);
  });

  test.each<[string, JsonPatchOperation, string]>([
    ["A.9: a test that fails", { op: "test", path: "/data/a", value: "2" }, "the value is another"],
    ["A.12: a parent that is not there", { op: "add", path: "/b/c", value: 1 }, 'there is no "b"'],
    ["a member that is not there", { op: "remove", path: "/data/b" }, 'there is no "b"'],
    ["replace of what is not there", { op: "replace", path: "/data/b", value: 1 }, 'there is no "b"'],
    ["what every object inherits", { op: "remove", path: "/data/toString" }, 'there is no "toString"'],
    ["a prototype", { op: "add", path: "/__proto__/a", value: 1 }, "the key __proto__ is not allowed"],
    ["a path without a slash", { op: "add", path: "data", value: 1 }, "a path begins with /"],
    [
      "a value moved into itself",
      { op: "move", from: "/data", path: "/data/b" },
      "a value cannot be moved into itself",
    ],
    ["a wrong escape", { op: "add", path: "/a~2", value: 1 }, "~ has to be written ~0, and / within a key ~1"],
  ])("refuses %s", (_title, operation, reason) => {
    const message = `operation 1 (${operation.op} ${operation.path}): ${reason}`;
    expect(() => jsonPatch(config, [operation])).toThrow(expect.objectContaining({ code: "patch_failed", message }));
  });

  test.each(["/a/2", "/a/01", "/a/-1", "/a/-", "/a/1e0"])("refuses the index in %s", (path) => {
    expect(() => applyJsonPatch({ a: [1, 2] }, [{ op: "remove", path }])).toThrow(/there is no item/u);
  });

  test("gives up copies that double again and again, long before memory ends", () => {
    const double = (path: string, index: number): JsonPatchOperation => ({
      op: "copy",
      from: "",
      path: `${path}${index}`,
    });
    const operations = Array.from({ length: 60 }, (_, index) => double("/k", index));
    expect(() => applyJsonPatch({ a: "x" }, operations)).toThrow(
      /^operation \d+ \(copy \/k\d+\): copies come to more than/u,
    );
  });

  test("gives up nesting without end", () => {
    const wrap: readonly JsonPatchOperation[] = [
      { op: "add", path: "/b", value: {} },
      { op: "move", from: "/a", path: "/b/x" },
      { op: "move", from: "/b", path: "/a" },
    ];
    const operations = Array.from({ length: 10_000 }, () => wrap).flat();
    expect(() => applyJsonPatch({ a: 1 }, operations)).toThrow(/nested deeper than 128 levels/u);
    expect(() => applyJsonPatch({}, [{ op: "add", path: "/a".repeat(129), value: 1 }])).toThrow(/up to 128 parts/u);
  });

  test("names the operation that fails and leaves the object as it was", () => {
    const operations: JsonPatchOperation[] = [
      { op: "add", path: "/data/b", value: "2" },
      { op: "remove", path: "/data/c" },
    ];
    expect(() => jsonPatch(config, operations)).toThrow(/^operation 2 \(remove \/data\/c\)/u);
    expect(config).toMatchObject({ data: { a: "1" } });
  });
});

describe("merge patch (RFC 7386)", () => {
  test.each<[unknown, unknown, unknown]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ a: "b" }, ["c"], ["c"]],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [
      { on: true, count: 3, list: [1] },
      { on: false, count: 0, list: [] },
      { on: false, count: 0, list: [] },
    ],
  ])("E14: %j with %j is %j", (spec, patch, expected) => {
    expect(mergePatch(thing(spec), { spec: patch })).toEqual(thing(expected));
  });

  test("twice is the same as once", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(value, value, (spec, patch) => {
        const once = mergePatch(thing(spec), { spec: { x: patch } });
        expect(mergePatch(once, { spec: { x: patch } })).toEqual(once);
      }),
    );
  });

  test("refuses to leave no object", () => {
    expect(() => mergePatch(config, { metadata: null })).toThrow(expect.objectContaining({ code: "patch_failed" }));
  });
});

describe("strategic merge", () => {
  test("replaces the lists of custom resources, as kustomize does", () => {
    const before = thing({ containers: [{ name: "a", x: 1 }] });
    expect(strategicMerge(before, { spec: { containers: [{ name: "a", y: 2 }] } })).toEqual(
      thing({ containers: [{ name: "a", y: 2 }] }),
    );
  });

  test("says where an item lacks the key by which its list is merged", () => {
    const pod: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: [] } };
    expect(() => strategicMerge(pod, { spec: { containers: [{ image: "a" }] } })).toThrow(
      expect.objectContaining({
        code: "patch_failed",
        message: "spec.containers.0 needs name, by which this list is merged",
      }),
    );
  });

  test("changes no argument and no prototype, whatever the patch", () => {
    const key = fc.constantFrom("spec", "containers", "name", "$patch", "constructor", "toString", "metadata", "x");
    const tree = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1, "x", "delete", "replace"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).value;
    const tryMerge = (object: KubeObject, patch: unknown): void => {
      try {
        strategicMerge(object, patch);
      } catch (cause) {
        expect(cause).toMatchObject({ code: "patch_failed" });
      }
    };
    fc.assert(
      fc.property(tree, tree, (spec, patch) => {
        const object: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec };
        const before = structuredClone([object, patch]);
        tryMerge(object, { spec: patch });
        tryMerge(object, patch);
        expect([object, patch]).toEqual(before);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});
