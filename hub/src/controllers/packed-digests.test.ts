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
