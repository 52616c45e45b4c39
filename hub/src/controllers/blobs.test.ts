import { encodeContents } from "@drover/shared/bundle";
import { digestOf, type Digest } from "@drover/shared/digest";
import { describe, expect, test } from "vitest";

import { targetRecord } from "../store/records.fixture.ts";
import { createBlobs, type BlobCaches } from "./blobs.ts";

const bytesOf = (name: string): Uint8Array => new TextEncoder().encode(name.padEnd(1000, "."));
const digestOfBlob = (name: string): Digest => digestOf(bytesOf(name));

/** Clusters with the objects of their one bundle, in a store that counts what is read of it. */
function begin(clusters: Readonly<Record<string, readonly string[]>>, caches?: BlobCaches) {
  const blobs = new Map<Digest, Uint8Array>();
  const bundles = new Map<string, Digest>();
  for (const [cluster, names] of Object.entries(clusters)) {
    for (const name of names) blobs.set(digestOfBlob(name), bytesOf(name));
    const { digest, bytes } = encodeContents(names.map(digestOfBlob));
    blobs.set(digest, bytes);
    bundles.set(cluster, digest);
  }
  const reads: Digest[] = [];
  const served = createBlobs(
    {
      targetsOn: (cluster) => [targetRecord("shop", cluster, bundles.get(cluster) ?? "")],
      blob(digest) {
        reads.push(digest);
        return blobs.get(digest);
      },
    },
    caches,
  );
  return { reads, bundles, read: (cluster: string, name: string) => served.read(cluster, digestOfBlob(name)), served };
}

describe("the hub's blobs", () => {
  test("E16: are read once for all clusters that ask for them", () => {
    const { reads, read, bundles } = begin({ one: ["a", "b"], two: ["a", "c"] });
    for (let round = 0; round < 3; round += 1) {
      for (const [cluster, name] of [
        ["one", "a"],
        ["two", "a"],
        ["one", "b"],
        ["two", "c"],
      ] as const) {
        expect(read(cluster, name)).toEqual(bytesOf(name));
      }
    }
    expect(reads.toSorted()).toEqual([...["a", "b", "c"].map(digestOfBlob), ...bundles.values()].toSorted());
  });

  test("are served to clusters that have them, and to no others", () => {
    const { read, served, bundles } = begin({ one: ["a"], two: ["b"] });
    expect(read("one", "b")).toBeUndefined();
    expect(served.read("one", bundles.get("two") ?? "")).toBeUndefined();
    expect(served.read("one", bundles.get("one") ?? "")).toBeDefined();
  });

  test("E16: take no more memory than they may: what was not asked for longest is read again", () => {
    const names = Array.from({ length: 30 }, (_, n) => `object ${n}`);
    // Eight to ten blobs of 1,000 bytes.
    const { reads, read } = begin({ one: names }, { blobs: 14_000 });
    const all = (): void => names.forEach((name) => read("one", name));
    all();
    expect(reads).toHaveLength(31);
    for (const name of names.slice(-8)) read("one", name);
    expect(reads).toHaveLength(31);
    all();
    expect(reads).toHaveLength(61);
  });

  test("are not pushed out by the bundles that name them", () => {
    // Each takes more than an eighth of what may be kept, and a blob takes less.
    const names = Array.from({ length: 15 }, (_, n) => `object ${n}`);
    const bundles = Object.fromEntries(names.map((cluster) => [cluster, ["a", ...names.filter((n) => n !== cluster)]]));
    const { reads, read } = begin(bundles, { blobs: 12_000, contents: 100_000 });
    read("object 1", "a");
    const before = reads.length;
    for (const cluster of names) read(cluster, "a");
    expect(reads).toHaveLength(before + names.length - 1);
  });

  test("that a bundle has beside another are its own and those of its new objects, read once for all clusters", () => {
    const { served, reads, bundles } = begin({ before: ["a", "b"], now: ["a", "c"] });
    const [from = "", to = ""] = [bundles.get("before"), bundles.get("now")];
    for (let round = 0; round < 3; round += 1) {
      expect([...served.added(from, to, 10_000).keys()]).toEqual([to, digestOfBlob("c")]);
    }
    expect(reads.toSorted()).toEqual([from, to, digestOfBlob("c")].toSorted());
  });

  test("that a bundle has beside another are none when they are too large, or cannot be read", () => {
    const { served, bundles } = begin({ before: ["a"], now: ["a", "b", "c"] });
    const [from = "", to = ""] = [bundles.get("before"), bundles.get("now")];
    expect(served.added(from, to, 2_000).size).toBe(0);
    expect(served.added(from, digestOfBlob("a"), 10_000).size).toBe(0);
    expect(served.added(from, digestOfBlob("nowhere"), 10_000).size).toBe(0);
  });
});
