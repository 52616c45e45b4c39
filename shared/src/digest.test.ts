import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, digestOfParts } from "./digest.ts";

test("parts have the digest of the text that they make together", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (parts) => {
      expect(digestOfParts(parts)).toBe(digestOf(parts.join("")));
    }),
  );
});
