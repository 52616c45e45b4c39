import { expect, it } from "vitest";

import { FailureLimit } from "./failure-limit.ts";

it("allows so many failures in any minute, to each key for itself", () => {
  const limit = new FailureLimit({ failures: 3, withinMs: 60_000 });
  for (const at of [0, 10_000, 20_000]) {
    expect(limit.allows("10.0.0.1", at)).toBe(true);
    limit.failed("10.0.0.1", at);
  }
  expect(limit.allows("10.0.0.1", 59_999)).toBe(false);
  expect(limit.allows("10.0.0.2", 59_999)).toBe(true);
  expect(limit.allows("10.0.0.1", 60_000)).toBe(true);
});

it("T14: remembers a bounded number of keys, and none is forgotten because others fail", () => {
  const limit = new FailureLimit({ failures: 1, withinMs: 60_000, maxKeys: 2 });
  for (const key of ["a", "b", "c", "d"]) limit.failed(key, 0);
  expect(["a", "b", "c", "e"].map((key) => limit.allows(key, 1))).toEqual([false, false, false, false]);
  expect(["a", "b", "c", "e"].map((key) => limit.allows(key, 60_000))).toEqual([true, true, true, true]);
});
