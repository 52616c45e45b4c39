import type { Invariant, TimedFact } from "../facts.ts";

/** R7: what was acknowledged to a person is in the store of every later hub; what was not, may be. */
export function decisionsSurvive(): Invariant {
  /** What may be there by now, by what it is about. */
  const possible = new Map<string, Set<string>>();
  let isRestored = false;
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "restored") isRestored = true;
    if (fact.kind === "attempted") possible.get(fact.about)?.add(fact.value);
    if (fact.kind === "acknowledged") possible.set(fact.about, new Set([fact.value]));
    if (fact.kind !== "hub-started") return undefined;
    // An older store knows older decisions: from here on those count.
    const lost = isRestored
      ? []
      : [...fact.decisions].filter(([about, value]) => possible.get(about)?.has(value) === false);
    isRestored = false;
    for (const [about, value] of fact.decisions) possible.set(about, new Set([value]));
    const [first] = lost;
    return first === undefined ? undefined : `the hub started with "${first[1]}" as the ${first[0]}`;
  };
  return { name: "R7", check };
}
