import { expect, test } from "vitest";

import { HintBudget } from "./hint-budget.ts";

/** When looks are, with hints at these times, in ms. */
function looks(hints: Iterable<number>): readonly number[] {
  const budget = new HintBudget();
  const at: number[] = [];
  for (const hint of hints) {
    const wait = budget.next(hint);
    if (wait !== undefined) at.push(hint + wait);
  }
  return at;
}

const every = (ms: number, untilMs: number): readonly number[] =>
  Array.from({ length: Math.ceil(untilMs / ms) }, (_, index) => index * ms);

test("a hint makes us look at once, and one right after it a second later", () => {
  expect(looks([0, 400, 900])).toEqual([0, 1000]);
  expect(looks([0, 5000])).toEqual([0, 5000]);
});

test("E7: a flood makes us look five times and then every 10 s", () => {
  expect(looks(every(1, 60_000))).toEqual([0, 1000, 2000, 3000, 4000, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
});

test("500 hints a minute, for an hour, make us look some 360 times", () => {
  expect(looks(every(120, 3_600_000)).length).toBeLessThan(370);
});

test("no hint is lost: a look is never before the hint that it is for", () => {
  const hints = every(170, 100_000);
  const last = looks(hints).at(-1) ?? 0;
  expect(last).toBeGreaterThanOrEqual(hints.at(-1) ?? 0);
});

test("after a rest the whole burst is there again", () => {
  expect(looks([...every(500, 5000), 60_000, 61_000, 62_000])).toEqual(
    expect.arrayContaining([60_000, 61_000, 62_000]),
  );
});

test("a clock that was set back by a day does not stop hints", () => {
  expect(looks([86_400_000, 1000, 1500])).toEqual([86_400_000, 1000, 2000]);
});
