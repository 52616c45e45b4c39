import { describe, expect, test } from "vitest";

import { builtinSchema } from "../schema/schema.ts";
import { PatchError } from "./error.ts";
import { strategicMergePatch } from "./strategic.ts";

const schema = builtinSchema({ group: "apps", version: "v1", kind: "Deployment" }) ?? { kind: "untyped" };

function pod(spec: Record<string, unknown>): Record<string, unknown> {
  return { spec: { template: { spec } } };
}

const containers = [
  { name: "a", image: "1", args: ["x", "y"], env: [{ name: "A", value: "1" }] },
  { name: "b", image: "2" },
  { name: "c", image: "3" },
];

describe("strategic merge patch", () => {
  test.each([
    [
      "merges an item by its key",
      [{ name: "b", image: "9" }],
      [containers[0], { name: "b", image: "9" }, containers[2]],
    ],
    ["puts a new item where the patch has it", [{ name: "z", image: "9" }], [{ name: "z", image: "9" }, ...containers]],
    ["deletes an item", [{ name: "b", $patch: "delete" }], [containers[0], containers[2]]],
    ["deletes what is not there", [{ name: "zz", $patch: "delete" }], containers],
    ["replaces the list", [{ name: "q", image: "9" }, { $patch: "replace" }], [{ name: "q", image: "9" }]],
    [
      "replaces an atomic list",
      [{ name: "a", args: ["z"] }],
      [{ ...containers[0], args: ["z"] }, ...containers.slice(1)],
    ],
    [
      "deletes a field by null",
      [{ name: "a", args: null, env: null }],
      [{ name: "a", image: "1" }, ...containers.slice(1)],
    ],
    [
      "merges lists in lists",
      [
        {
          name: "a",
          env: [
            { name: "B", value: "2" },
            { name: "A", $patch: "delete" },
          ],
        },
      ],
      [{ ...containers[0], env: [{ name: "B", value: "2" }] }, ...containers.slice(1)],
    ],
  ])("%s", (_, patch, expected) => {
    expect(strategicMergePatch(pod({ containers }), pod({ containers: patch }), schema)).toEqual(
      pod({ containers: expected }),
    );
  });

  test("orders items as $setElementOrder says and leaves others in their place", () => {
    const patch = pod({ "$setElementOrder/containers": [{ name: "c" }, { name: "a" }] });
    const [a, b, c] = containers;
    expect(strategicMergePatch(pod({ containers }), patch, schema)).toEqual(pod({ containers: [b, c, a] }));
  });

  test("drops what $retainKeys does not name", () => {
    const document = { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
    expect(strategicMergePatch(document, patch, schema)).toEqual({ spec: { strategy: { type: "Recreate" } } });
  });

  test("adds to and deletes from lists of primitives", () => {
    const document = { metadata: { finalizers: ["a", "b", "c"] } };
    const patch = { metadata: { finalizers: ["d"], "$deleteFromPrimitiveList/finalizers": ["a", "c"] } };
    const patched = strategicMergePatch(document, patch, schema) as typeof document;
    expect(patched.metadata.finalizers.toSorted()).toEqual(["b", "d"]);
  });

  test("replaces or empties a map by directive", () => {
    const document = { metadata: { labels: { a: "1", b: "2" } } };
    const replace = { metadata: { labels: { $patch: "replace", c: "3" } } };
    expect(strategicMergePatch(document, replace, schema)).toEqual({ metadata: { labels: { c: "3" } } });
    const remove = { metadata: { labels: { $patch: "delete" } } };
    expect(strategicMergePatch(document, remove, schema)).toEqual({ metadata: { labels: {} } });
  });

  test("keeps keys of data that look like directives of something else", () => {
    const patch = { metadata: { annotations: { "$x/y": "1" } } };
    expect(strategicMergePatch({}, patch, schema)).toEqual(patch);
  });

  test("stores no directives and no nulls where nothing was", () => {
    const patch = pod({
      nodeSelector: null,
      containers: [{ name: "n", env: [{ name: "A", $patch: "delete" }], args: null }],
    });
    expect(strategicMergePatch({}, patch, schema)).toEqual(pod({ containers: [{ name: "n", env: [] }] }));
  });

  test.each([
    ["an unknown directive", pod({ containers: [{ name: "a", $patch: "bogus" }] }), 400],
    ["an item without its key", pod({ containers: [{ image: "a" }] }), 422],
    ["a deletion without a key", pod({ containers: [{ $patch: "delete" }] }), 422],
    ["no object", [], 400],
  ])("refuses %s", (_, patch, status) => {
    let refusal: unknown;
    try {
      strategicMergePatch(pod({ containers }), patch, schema);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(PatchError);
    expect(refusal).toMatchObject({ status });
  });

  test("changes neither argument", () => {
    const document = Object.freeze(pod({ containers: Object.freeze(containers.map((item) => Object.freeze(item))) }));
    expect(() => strategicMergePatch(document, pod({ containers: [{ name: "a", image: "9" }] }), schema)).not.toThrow();
    expect(containers[0]).toHaveProperty("image", "1");
  });
});
