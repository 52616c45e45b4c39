import { encodeObject } from "@drover/shared/bundle";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { expect, test } from "vitest";

import { headOf, jsonOf, PackedManifest } from "./packed-manifest.ts";

const text = fc.string({ unit: "grapheme" });
const object: fc.Arbitrary<KubeObject> = fc
  .record({
    name: text,
    namespace: fc.option(text, { nil: undefined }),
    data: fc.dictionary(text, fc.jsonValue()),
  })
  .map(({ name, namespace, data }) => {
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    return canonicalize({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
  });

test("a packed manifest is the same object under the same digest, and says what it is without being read", () => {
  fc.assert(
    fc.property(object, (given) => {
      const packed = new PackedManifest(given, { file: "a.yaml", line: 1, column: 1 });
      expect(JSON.stringify(packed.object)).toBe(JSON.stringify(given));
      expect(packed.digest).toBe(encodeObject(given).digest);
      expect(packed.digest).toBe(encodeObject(packed.object).digest);
      const { apiVersion, kind, metadata } = given;
      expect(headOf(packed)).toEqual({ apiVersion, kind, metadata: { ...metadata } });
      expect(jsonOf(packed)).toBe(jsonOf({ object: given }));
    }),
  );
});

test("it keeps its text and no object", () => {
  const packed = new PackedManifest({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }, undefined);
  expect(packed.object).not.toBe(packed.object);
});
