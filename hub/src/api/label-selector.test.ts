import fc from "fast-check";
import { expect, test } from "vitest";

import { isLabelKey, isLabelValue, parseLabelSelector } from "./label-selector.ts";

const labels = { env: "prod", "drover.dev/tier": "gold", empty: "" };

test.each([
  ["env=prod", true],
  ["env == prod", true],
  ["env=dev", false],
  ["env!=dev", true],
  ["absent!=dev", true],
  ["empty=", true],
  ["absent=", false],
  ["drover.dev/tier in (gold,silver)", true],
  ["drover.dev/tier notin (gold)", false],
  ["absent notin (gold)", true],
  ["absent in (,x)", false],
  ["empty in (,x)", true],
  ["env", true],
  ["!env", false],
  ["! absent", true],
  ["env=prod,drover.dev/tier in (gold,silver),!absent", true],
  ["toString", false],
])("%s matches: %s", (selector, matches) => {
  expect(parseLabelSelector(selector)(labels)).toBe(matches);
});

test.each(["", "env=prod,", "=x", "env=a b", "env in gold", "env in (a b)", "-env", "env~x", "a/b/c", "k".repeat(64)])(
  "%j is refused",
  (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow(expect.objectContaining({ code: "usage" }));
  },
);

test("never takes long, whatever is in it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400, unit: fc.constantFrom("a", "=", "!", "(", ")", ",", " ") }), (text) => {
      try {
        parseLabelSelector(text)({});
      } catch (cause) {
        expect(cause).toMatchObject({ code: "usage" });
      }
    }),
    { numRuns: 300 },
  );
});

test("keys and values have the bounds that Kubernetes gives them", () => {
  expect(isLabelKey("a".repeat(63))).toBe(true);
  expect(isLabelKey("a".repeat(64))).toBe(false);
  expect(isLabelKey(`${"a".repeat(253)}/b`)).toBe(true);
  expect(isLabelKey(`${"a".repeat(254)}/b`)).toBe(false);
  expect(isLabelValue("a".repeat(63))).toBe(true);
  expect(isLabelValue("a".repeat(64))).toBe(false);
  expect(isLabelValue("a.")).toBe(false);
});
