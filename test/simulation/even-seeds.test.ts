import { expect, it } from "vitest";

import { playSeeds, seedsOf } from "./seeds.ts";

const seeds = seedsOf(0);

it.skipIf(seeds.length === 0)(
  `R1–R33: hold in ${seeds.length} histories of faults, those with even seeds`,
  async () => {
    const { events } = await playSeeds(seeds);
    expect(events / seeds.length).toBeGreaterThan(500);
  },
);
