import type { Invariant, TimedFact } from "../facts.ts";

/** R33: between the restore of an older store and a person's word for it, no agent follows it and none deletes by it. */
export function restoreRollsNothingBack(): Invariant {
  let isRestored = false;
  const epochs = new Map<string, string>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "restored") isRestored = true;
    if (fact.kind === "recovery-confirmed") isRestored = false;
    if (fact.kind === "disk-lost") epochs.delete(fact.cluster);
    if (fact.kind !== "accepted") return undefined;
    const before = epochs.get(fact.cluster);
    epochs.set(fact.cluster, fact.epoch);
    if (!isRestored || before === undefined || before === fact.epoch) return undefined;
    return `${fact.cluster} took a restored store's epoch ${fact.epoch}, which nobody has confirmed`;
  };
  return { name: "R33", check };
}
