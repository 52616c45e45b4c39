import { expect, it } from "vitest";

import { FailureLimit } from "./rate-limit.ts";

it("allows so many failures in any minute, to each key for itself", () => {
  const limit = new FailureLimit(3);
  for (const at of [0, 10_000, 20_000]) {
    expect(limit.allows("10.0.0.1", at)).toBe(true);
    limit.failed("10.0.0.1", at);
  }
  expect(limit.allows("10.0.0.1", 59_999)).toBe(false);
  expect(limit.allows("10.0.0.2", 59_999)).toBe(true);
  expect(limit.allows("10.0.0.1", 60_000)).toBe(true);
});

it("remembers a bounded number of keys, those that failed last", () => {
  const limit = new FailureLimit(1, 2);
  for (const key of ["a", "b", "a", "c"]) limit.failed(key, 0);
  expect(["a", "b", "c"].map((key) => limit.allows(key, 1))).toEqual([false, true, false]);
});
