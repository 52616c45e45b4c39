import type { Invariant, TimedFact } from "../facts.ts";

/** R4: of two reports about a target the hub never shows the older one after the newer one. */
export function statusNeverFalls(): Invariant {
  const newest = new Map<string, { readonly life: number; readonly sequence: number }>();
  const check = (fact: TimedFact): string | undefined => {
    // Observations are a cache: a hub that was killed may have lost the last ones.
    if (fact.kind === "hub-started") newest.clear();
    if (fact.kind !== "observed") return undefined;
    const target = `${fact.app}@${fact.cluster}`;
    const before = newest.get(target);
    newest.set(target, fact);
    if (before === undefined || fact.life > before.life) return undefined;
    if (fact.life === before.life && fact.sequence >= before.sequence) return undefined;
    return `${target} is shown by report ${fact.life}/${fact.sequence} after ${before.life}/${before.sequence}`;
  };
  return { name: "R4", check };
}
