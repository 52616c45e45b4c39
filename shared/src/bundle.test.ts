import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  decodeBundle,
  decodeObject,
  digestOfContents,
  digestOfObject,
  encodeBundle,
  encodeContents,
  encodeObject,
  maxBundleObjects,
} from "./bundle.ts";
import { canonicalJson, digestOf } from "./digest.ts";
import { formatObjectKey, objectKey, parseObjectKey } from "./kube/manifest.ts";

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

it("T30: a bundle of more objects than any application has is not read", () => {
  const digest = digestOf("object");
  const most = encodeContents(Array.from({ length: maxBundleObjects }, () => digest));
  expect(decodeBundle(most.digest, most.bytes).objects).toHaveLength(maxBundleObjects);
  const more = encodeContents(Array.from({ length: maxBundleObjects + 1 }, () => digest));
  expect(() => decodeBundle(more.digest, more.bytes)).toThrow(expect.objectContaining({ code: "input_too_large" }));
});

describe("bundle", () => {
  it("decodes what it encodes, in the same order", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/u)),
        fc.dictionary(fc.string(), fc.string()),
        (names, data) => {
          const objects = names.map((name) => configMap(name, data));
          const { bundle, blobs } = encodeBundle(objects);
          const decoded = decodeBundle(bundle.digest, blobs.get(bundle.digest) ?? new Uint8Array());
          const read = decoded.objects.map((digest) => decodeObject(digest, blobs.get(digest) ?? new Uint8Array()));
          expect(read.map(canonicalJson)).toEqual(objects.map(canonicalJson));
        },
      ),
    );
  });

  it("is named without its bytes as it is with them", () => {
    const objects = [configMap("a", { ä: "\u{1F600}" }), configMap("b", {})];
    const digests = objects.map(digestOfObject);
    expect(digests).toEqual(objects.map((object) => encodeObject(object).digest));
    expect(digestOfContents(digests)).toBe(encodeContents(digests).digest);
    expect(new TextDecoder().decode(encodeContents(digests).bytes)).toBe(
      canonicalJson({ objects: digests, format: "drover.dev/bundle/v1" }),
    );
  });

  it("has the same digest whatever the order of keys, and another for other content or order", () => {
    const one = encodeBundle([configMap("a", { x: "1", y: "2" }), configMap("b", {})]);
    const same = encodeBundle([configMap("a", { y: "2", x: "1" }), configMap("b", {})]);
    const other = encodeBundle([configMap("b", {}), configMap("a", { x: "1", y: "2" })]);
    expect(same.bundle).toEqual(one.bundle);
    expect(other.bundle.digest).not.toBe(one.bundle.digest);
    expect([...other.blobs.keys()].filter((digest) => one.blobs.has(digest))).toHaveLength(2);
  });

  it("refuses a blob with other content than its name says", () => {
    const { bundle, blobs } = encodeBundle([configMap("a", {})]);
    const bytes = Uint8Array.from(blobs.get(bundle.digest) ?? []);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    expect(() => decodeBundle(bundle.digest, bytes)).toThrow(expect.objectContaining({ code: "digest_mismatch" }));
  });

  it("refuses an object where a bundle is expected", () => {
    const { bundle, blobs } = encodeBundle([configMap("a", {})]);
    const [object = ""] = bundle.objects;
    expect(() => decodeBundle(object, blobs.get(object) ?? new Uint8Array())).toThrow(
      expect.objectContaining({ code: "blob_corrupt" }),
    );
  });

  it.each([
    { metadata: { name: "" } },
    { metadata: { name: ".." } },
    { metadata: { name: "web/scale" } },
    { metadata: { name: "web%2Fscale" } },
    { metadata: { name: "web", namespace: "a/b" } },
    { kind: "Config/Map" },
    { apiVersion: "v1/namespaces/default" },
  ])("refuses an object whose requests would lead elsewhere: %j", (part) => {
    const { bundle, blobs } = encodeBundle([{ ...configMap("a", {}), ...part }]);
    const [object = ""] = bundle.objects;
    expect(() => decodeObject(object, blobs.get(object) ?? new Uint8Array())).toThrow(
      expect.objectContaining({ code: "blob_corrupt" }),
    );
  });

  it("keeps a key named __proto__ an ordinary key", () => {
    const data = JSON.parse('{"__proto__":"x","a":"y"}') as Record<string, string>;
    expect(canonicalJson({ data })).toBe('{"data":{"__proto__":"x","a":"y"}}');
  });
});

describe("object key", () => {
  it.each([
    [
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" } },
      "Deployment.apps shop/web",
    ],
    [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }, "Namespace shop"],
  ])("is written so that it can be read back", (object, text) => {
    expect(formatObjectKey(objectKey(object))).toBe(text);
    expect(parseObjectKey(text)).toEqual(objectKey(object));
  });
});
