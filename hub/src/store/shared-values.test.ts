import { describe, expect, it } from "vitest";

import { SharedValues } from "./shared-values.ts";

describe("shared values", () => {
  it("are one where they are equal, and stay apart where they are not", () => {
    const shared = new SharedValues();
    const first = shared.of({ a: [1] });
    expect(shared.of({ a: [1] })).toBe(first);
    expect(shared.of({ a: [2] })).toEqual({ a: [2] });
  });

  it("are forgotten when they are too many, and are then still themselves", () => {
    const shared = new SharedValues(20);
    const first = shared.of(["x".repeat(10)]);
    expect(shared.of(["y".repeat(10)])).toEqual(["y".repeat(10)]);
    const again = shared.of(["x".repeat(10)]);
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});
