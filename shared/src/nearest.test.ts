import fc from "fast-check";
import { expect, test } from "vitest";

import { nearest } from "./nearest.ts";

test.each([
  ["platnum", ["gold", "platinum"], "platinum"],
  ["clutsers", ["clusters", "targets"], "clusters"],
  ["Shop", ["shop"], "shop"],
  ["prod-eu-3", ["prod-eu-1", "prod-us-3"], "prod-eu-1"],
  ["get", ["events", "version"], undefined],
  ["x", [], undefined],
])("for %j of %j suggests %j", (typed, candidates, expected) => {
  expect(nearest(typed, candidates)).toBe(expected);
});

test("finds a word again whatever single letter is dropped from it", () => {
  const word = fc.string({ minLength: 4, maxLength: 20, unit: fc.constantFrom("a", "b", "c", "d", "e", "-") });
  fc.assert(
    fc.property(word, fc.nat(), (whole, index) => {
      const at = index % whole.length;
      expect(nearest(whole.slice(0, at) + whole.slice(at + 1), [whole])).toBe(whole);
    }),
  );
});
