import fc from "fast-check";
import { expect, it } from "vitest";

import { createSteadyClock } from "./steady-clock.ts";

const dayMs = 24 * 3_600_000;
const startMs = Date.UTC(2026, 10, 27);

function machine(offMs = 0) {
  const state = { passedMs: 0, offMs };
  const jumps: number[] = [];
  const clock = createSteadyClock({
    wall: () => startMs + Math.floor(state.passedMs) + state.offMs,
    monotonic: () => state.passedMs,
    jumped: (byMs) => jumps.push(byMs),
  });
  return { state, jumps, clock };
}

it.each([400, -400])(
  "R22: does not follow a machine that is set by %i days, says so once, and takes it back",
  (days) => {
    const { state, jumps, clock } = machine();
    state.offMs = days * dayMs;
    for (let seconds = 1; seconds <= 100; seconds += 1) {
      state.passedMs = seconds * 1_000;
      expect(clock.now()).toBe(startMs + state.passedMs);
    }
    expect(jumps).toEqual([days * dayMs]);
    state.offMs = 0;
    expect(clock.now()).toBe(startMs + state.passedMs);
    expect(jumps).toEqual([days * dayMs, 0]);
  },
);

it("R22: is no earlier than what is known, on a machine that starts 400 days behind, until that is set right", () => {
  const { state, jumps, clock } = machine(-400 * dayMs);
  expect(clock.now()).toBe(startMs - 400 * dayMs);
  clock.notBefore(startMs - dayMs);
  for (const passedMs of [0, 1_000, 60_000]) {
    state.passedMs = passedMs;
    expect(clock.now()).toBe(startMs - dayMs + passedMs);
  }
  expect(jumps).toEqual([-399 * dayMs]);
  state.offMs = 0;
  expect(clock.now()).toBe(startMs + state.passedMs);
  expect(jumps).toEqual([-399 * dayMs, 0]);
  clock.notBefore(startMs);
  expect(clock.now()).toBe(startMs + state.passedMs);
});

it("follows a machine that slept, whose own count stood still", () => {
  const { state, jumps, clock } = machine();
  state.offMs = 2 * dayMs;
  expect(clock.now()).toBe(startMs + 2 * dayMs);
  expect(jumps).toEqual([]);
});

it("takes a correction backwards at half speed, and is right in the end", () => {
  const { state, clock } = machine();
  state.offMs = -60_000;
  state.passedMs = 60_000;
  expect(clock.now()).toBe(startMs + 30_000);
  state.passedMs = 180_000;
  clock.now();
  expect(clock.now()).toBe(startMs + state.passedMs + state.offMs);
});

it("R22: never goes back, and never ahead by more than a machine sleeps, whatever it is set to", () => {
  const settings = fc.array(
    fc.record({ passedMs: fc.nat(60_000), offMs: fc.integer({ min: -500 * dayMs, max: 500 * dayMs }) }),
  );
  fc.assert(
    fc.property(settings, (set) => {
      const { state, clock } = machine();
      let before = clock.now();
      for (const { passedMs, offMs } of set) {
        state.passedMs += passedMs;
        state.offMs = offMs;
        const now = clock.now();
        expect(now).toBeGreaterThanOrEqual(before);
        expect(now - before).toBeLessThanOrEqual(passedMs + 7 * dayMs);
        before = now;
      }
    }),
  );
});
