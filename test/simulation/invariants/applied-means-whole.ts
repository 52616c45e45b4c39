import type { AcceptedTarget, Invariant, TimedFact } from "../facts.ts";

/** R5: a bundle is reported as applied only after each of its objects was live with exactly that content. */
export function appliedMeansWhole(): Invariant {
  const targets = new Map<string, ReadonlyMap<string, AcceptedTarget>>();
  const seen = new Map<string, Set<string>>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "accepted") targets.set(fact.cluster, fact.targets);
    if (fact.kind === "live" && fact.content !== undefined) {
      const known = seen.get(fact.cluster) ?? new Set<string>();
      seen.set(fact.cluster, known.add(`${fact.object} ${fact.content}`));
    }
    if (fact.kind !== "reported-applied") return undefined;
    const target = targets.get(fact.cluster)?.get(fact.app);
    if (target?.bundle !== fact.bundle) return undefined;
    for (const [object, content] of target.objects) {
      if (seen.get(fact.cluster)?.has(`${object} ${content}`) !== true)
        return `${fact.app}@${fact.cluster} says that it is applied, and ${object} never was ${content}`;
    }
    return undefined;
  };
  return { name: "R5", check };
}
