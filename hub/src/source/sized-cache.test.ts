import fc from "fast-check";
import { expect, test } from "vitest";

import { SizedCache } from "./sized-cache.ts";

test("drops what was not used for longest", () => {
  const cache = new SizedCache<string>(80);
  for (const key of "abcdefgh") cache.set(key, key, 10);
  expect(cache.get("a")).toBe("a");
  cache.set("i", "i", 10);
  expect(cache.get("a")).toBe("a");
  expect(cache.get("b")).toBeUndefined();
});

test("keeps nothing that would push out much of the rest", () => {
  const cache = new SizedCache<string>(80);
  cache.set("a", "a", 10);
  cache.set("large", "large", 11);
  expect(cache.get("large")).toBeUndefined();
  expect(cache.get("a")).toBe("a");
});

test("never weighs more than its bound", () => {
  const entry = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), fc.integer({ min: 0, max: 40 }));
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const cache = new SizedCache<number>(100);
      for (const [key, weight] of entries) cache.set(key, weight, weight);
      const kept = ["a", "b", "c", "d", "e", "f"].map((key) => cache.get(key) ?? 0);
      expect(kept.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(100);
    }),
  );
});
