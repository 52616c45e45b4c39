import { digestOf } from "@drover/shared/digest";
import fc from "fast-check";
import { expect, test } from "vitest";

import { PackedDigests } from "./packed-digests.ts";

test("has exactly the digests that it was made of", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), (inside, asked) => {
      const packed = new PackedDigests(inside.map((n) => digestOf(String(n))));
      for (const n of [...inside, ...asked]) expect(packed.has(digestOf(String(n)))).toBe(inside.includes(n));
    }),
  );
});

test("takes 32 bytes for each, once", () => {
  expect(new PackedDigests([digestOf("a"), digestOf("b"), digestOf("a")]).byteLength).toBe(64);
});

test("tells apart digests with the same beginning", () => {
  const digests = ["1", "5", "9"].map((end) => `sha256:${"a".repeat(8)}${end.repeat(56)}`);
  const packed = new PackedDigests([...digests, `sha256:${"f".repeat(64)}`, `sha256:${"0".repeat(64)}`]);
  for (const digest of digests) expect(packed.has(digest)).toBe(true);
  for (const end of ["0", "4", "a"]) expect(packed.has(`sha256:${"a".repeat(8)}${end.repeat(56)}`)).toBe(false);
});
