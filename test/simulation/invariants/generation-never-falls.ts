import type { Invariant, TimedFact } from "../facts.ts";

interface Place {
  readonly epoch: string;
  readonly generation: number;
  readonly past: ReadonlySet<string>;
}

/** R3: what an agent follows never gets older, whatever it is handed and whenever it crashes. */
export function generationNeverFalls(): Invariant {
  const places = new Map<string, Place>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "disk-lost") places.delete(fact.cluster);
    if (fact.kind !== "accepted" && fact.kind !== "agent-started") return undefined;
    const { cluster, epoch, generation } = fact;
    const before = places.get(cluster);
    const past = new Set(before?.past);
    if (before !== undefined && before.epoch !== epoch) past.add(before.epoch);
    places.set(cluster, { epoch, generation, past });
    if (before === undefined) return undefined;
    const said = `${cluster} went from ${before.epoch}/${before.generation} to ${epoch}/${generation}`;
    if (before.past.has(epoch)) return said;
    if (before.epoch === epoch) return generation < before.generation ? said : undefined;
    // A process that begins follows what its disk says, and nothing newer.
    return fact.kind === "agent-started" ? said : undefined;
  };
  return { name: "R3", check };
}
