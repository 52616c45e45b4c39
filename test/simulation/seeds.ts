import { runSeed } from "./run.ts";

/** How many histories a run of the tests plays; `DROVER_SIM_SEEDS` sets it. */
const usual = 1_000;

/** Seeds from `DROVER_SIM_SEED` alone, or this half of all: each half is a file, so that two run at once. */
export function seedsOf(half: 0 | 1): readonly number[] {
  const { DROVER_SIM_SEED: one, DROVER_SIM_SEEDS: count = String(usual) } = process.env;
  if (one !== undefined) return half === 0 ? [Number(one)] : [];
  return Array.from({ length: Number(count) }, (_, seed) => seed).filter((seed) => seed % 2 === half);
}

/** Plays one after the other; the first that breaks a promise says how to see it again. */
export async function playSeeds(seeds: readonly number[]): Promise<{ readonly events: number }> {
  const log =
    process.env["DROVER_SIM_SEED"] === undefined ? undefined : (line: string) => process.stdout.write(`${line}\n`);
  let events = 0;
  for (const seed of seeds) {
    const outcome = await runSeed({ seed, ...(log === undefined ? {} : { log }) });
    events += outcome.events;
    if (outcome.violation !== undefined) {
      const again = `DROVER_SIM_SEED=${seed} pnpm vitest run --project simulation`;
      throw new Error(`seed ${seed}: ${outcome.violation}\n  replay: ${again}`);
    }
  }
  return { events };
}
