import type { AcceptedTarget, Invariant, TimedFact } from "../facts.ts";

interface Orders {
  readonly targets: ReadonlyMap<string, AcceptedTarget>;
  readonly removed: ReadonlySet<string>;
}

/** R1: an agent deletes an object only when the envelope that it has accepted names a bundle without it, or a tombstone. */
export function deletionIsOrdered(): Invariant {
  const orders = new Map<string, Orders>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "accepted") orders.set(fact.cluster, fact);
    if (fact.kind === "disk-lost") orders.delete(fact.cluster);
    if (fact.kind !== "agent-deleted") return undefined;
    const { cluster, object, owner } = fact;
    const accepted = orders.get(cluster);
    if (accepted?.removed.has(owner) === true) return undefined;
    const target = accepted?.targets.get(owner);
    if (target === undefined) return `${object} of "${owner}" was deleted in ${cluster}, which nothing accepted orders`;
    return target.objects.has(object)
      ? `${object} was deleted in ${cluster}, and is in the bundle of ${owner}`
      : undefined;
  };
  return { name: "R1", check };
}
