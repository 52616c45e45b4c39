import type { Invariant, TimedFact } from "../facts.ts";

const freeObjects = 10;
const freeShare = 0.3;

/** R2: what leaves an application unconfirmed by one bundle is never all of it, nor more than 10 objects and 30 %. */
export function pruneHasABudget(): Invariant {
  /** By cluster and application: of which bundle, how many stay, and what was deleted. */
  const counts = new Map<
    string,
    { readonly bundle: string; readonly staying: number; confirmed: boolean; deleted: Set<string> }
  >();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "accepted") {
      for (const [app, { bundle, objects, confirmed }] of fact.targets) {
        const key = `${app}@${fact.cluster}`;
        const known = counts.get(key);
        if (known?.bundle === bundle) known.confirmed ||= confirmed;
        else counts.set(key, { bundle, staying: objects.size, confirmed, deleted: new Set() });
      }
      for (const app of fact.removed) counts.delete(`${app}@${fact.cluster}`);
    }
    if (fact.kind !== "agent-deleted") return undefined;
    const count = counts.get(`${fact.owner}@${fact.cluster}`);
    if (count === undefined || count.confirmed) return undefined;
    const { staying, deleted } = count;
    deleted.add(fact.object);
    const share = deleted.size / (deleted.size + staying);
    if (staying > 0 && (deleted.size <= freeObjects || share <= freeShare)) return undefined;
    return `${deleted.size} objects of ${fact.owner}@${fact.cluster} were deleted unasked, ${staying} stay`;
  };
  return { name: "R2", check };
}
