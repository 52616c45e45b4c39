import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createConcurrency, finish, maxLimit, minLimit, startLimit, take, windowSize } from "./concurrency.ts";

/** A state that has seen a first calm window of requests that took so long. */
function settled(tookMs = 20) {
  const state = createConcurrency(0);
  window(state, { sentAtMs: 0, tookMs });
  return state;
}

function window(
  state: ReturnType<typeof createConcurrency>,
  at: { readonly sentAtMs: number; readonly tookMs: number },
) {
  const { sentAtMs, tookMs } = at;
  for (let i = 0; i < windowSize; i += 1) {
    finish(state, { sentAtMs, nowMs: sentAtMs + tookMs, outcome: "done", flowControlled: true });
  }
}

describe("concurrency", () => {
  it("starts at 8 and goes up by one for each 200 that went through, to 16", () => {
    const state = createConcurrency(0);
    expect(state.limit).toBe(startLimit);
    for (let i = 0; i < windowSize - 1; i += 1) finish(state, { sentAtMs: 0, nowMs: 5, outcome: "done" });
    expect(state.limit).toBe(8);
    finish(state, { sentAtMs: 0, nowMs: 5, outcome: "done" });
    expect(state.limit).toBe(9);
    for (let i = 1; i < 50; i += 1) window(state, { sentAtMs: i, tookMs: 5 });
    expect(state.limit).toBe(maxLimit);
  });

  it("case 67: halves on 429, once for all that were under way, and pauses exactly as long as asked", () => {
    const state = createConcurrency(0);
    for (let i = 0; i < 8; i += 1) {
      finish(state, { sentAtMs: 100, nowMs: 110 + i, outcome: "slow-down", retryAfterMs: 3_000 });
    }
    expect(state.limit).toBe(4);
    expect(state.pausedUntilMs).toBe(117 + 3_000);
    expect(take(state, 1_117)).toBe(2_000);
    expect(take(state, 3_117)).toBe(0);
  });

  it("never goes below 4, and waits a second when the server does not say how long", () => {
    const state = createConcurrency(0);
    for (let now = 1; now < 10; now += 1) finish(state, { sentAtMs: now, nowMs: now, outcome: "slow-down" });
    expect(state.limit).toBe(minLimit);
    expect(take(state, 9)).toBe(1_000);
  });

  it("believes no pause of more than five minutes", () => {
    const state = createConcurrency(0);
    finish(state, { sentAtMs: 0, nowMs: 0, outcome: "slow-down", retryAfterMs: 86_400_000 });
    expect(take(state, 0)).toBe(300_000);
  });

  it("halves when the slowest of a hundred take five times as long as they used to", () => {
    const state = settled(20);
    window(state, { sentAtMs: 1_000, tookMs: 90 });
    expect(state.limit).toBe(10);
    window(state, { sentAtMs: 2_000, tookMs: 120 });
    expect(state.limit).toBe(5);
  });

  it("gets used to a server that has become slower for good", () => {
    const state = settled(20);
    for (let i = 1; i < 200; i += 1) window(state, { sentAtMs: i * 1_000, tookMs: 150 });
    expect(state.limit).toBe(maxLimit);
  });

  it("takes no noise of a fast server for load, and no failure for a success", () => {
    const state = settled(1);
    window(state, { sentAtMs: 1_000, tookMs: 40 });
    expect(state.limit).toBe(10);
    for (let i = 0; i < 1_000; i += 1) finish(state, { sentAtMs: 2_000, nowMs: 2_001, outcome: "failed" });
    expect(state.limit).toBe(10);
  });

  it("sends 300 at once and 50 a second to a server without flow control, and all to one with it", () => {
    const state = createConcurrency(0);
    const waits = Array.from({ length: 400 }, () => take(state, 0));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(300);
    expect(waits.at(-1)).toBe(2_000);
    // After ten seconds 500 more are earned: those that wait, and the rest up to the burst.
    expect(take(state, 10_000)).toBe(0);
    finish(state, { sentAtMs: 0, nowMs: 0, outcome: "done", flowControlled: true });
    expect(Array.from({ length: 1_000 }, () => take(state, 10_000)).every((wait) => wait === 0)).toBe(true);
  });

  it("stays within its bounds, whatever happens", () => {
    const event = fc.record({
      afterMs: fc.nat(5_000),
      tookMs: fc.nat(10_000),
      outcome: fc.constantFrom("done", "failed", "slow-down" as const),
      retryAfterMs: fc.nat(1_000_000),
      flowControlled: fc.option(fc.boolean(), { nil: undefined }),
      repeat: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const state = createConcurrency(0);
        let nowMs = 0;
        for (const { afterMs, tookMs, repeat, ...rest } of events) {
          nowMs += afterMs;
          const before = state.limit;
          for (let i = 0; i < repeat; i += 1) finish(state, { sentAtMs: nowMs - tookMs, nowMs, ...rest });
          expect(state.limit).toBeGreaterThanOrEqual(minLimit);
          expect(state.limit).toBeLessThanOrEqual(maxLimit);
          // However many say the same at once, nothing is halved twice.
          if (tookMs > 0) expect(state.limit).toBeGreaterThanOrEqual(Math.max(minLimit, Math.floor(before / 2)));
          expect(state.pausedUntilMs).toBeLessThanOrEqual(nowMs + 300_000);
          expect(state.tookMs.length).toBeLessThan(windowSize);
          expect(take(state, nowMs)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
