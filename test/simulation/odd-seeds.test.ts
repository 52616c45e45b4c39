import { describe, expect, it } from "vitest";

import { runSeed } from "./run.ts";
import { playSeeds, seedsOf } from "./seeds.ts";

const seeds = seedsOf(1);

it.skipIf(seeds.length === 0)(`R1–R33: hold in ${seeds.length} histories of faults, those with odd seeds`, async () => {
  const { events } = await playSeeds(seeds);
  expect(events / seeds.length).toBeGreaterThan(500);
});

describe("a history", () => {
  it.each([3, 59, 1_003])("is the same each time that its seed is played (%i)", async (seed) => {
    const [first, second] = [await runSeed({ seed }), await runSeed({ seed })];
    expect(second.trace).toEqual(first.trace);
  });

  it("is another one for another seed", async () => {
    const [first, second] = [await runSeed({ seed: 4 }), await runSeed({ seed: 5 })];
    expect(second.trace).not.toEqual(first.trace);
  });
});
