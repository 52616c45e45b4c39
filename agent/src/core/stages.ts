import type { ObjectKey } from "@drover/shared/kube/manifest";
import { applyRank } from "@drover/shared/kube/order";

type Kind = Pick<ObjectKey, "group" | "kind">;

/** The objects in stages: what others need first, webhooks last. A stage starts when all of the one before were tried. */
export function groupByStage<T>(items: Iterable<T>, keyOf: (item: T) => Kind): readonly (readonly T[])[] {
  const stages = new Map<number, T[]>();
  for (const item of items) {
    const stage = stageOf(keyOf(item));
    const group = stages.get(stage) ?? [];
    group.push(item);
    stages.set(stage, group);
  }
  return [...stages].toSorted(([a], [b]) => a - b).map(([, group]) => group);
}

function stageOf({ group, kind }: Kind): number {
  // The rank of a kind is the same in all its versions.
  return applyRank({ apiVersion: group === "" ? "v1" : `${group}/v1`, kind });
}
