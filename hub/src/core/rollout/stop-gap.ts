import type { TargetRecord } from "../target.ts";
import type { Variant } from "../variants.ts";

/**
 * What clusters get that have nothing yet and wait for their turn: what those of their kind still run (E24). Those are the
 * clusters for which the same is desired; two of them have to agree, so that it holds nothing that is one cluster's own.
 */
export function stopGap(
  held: readonly TargetRecord[],
  assigned: readonly TargetRecord[],
  variants: readonly Pick<Variant, "clusters">[],
): readonly TargetRecord[] {
  const running = new Map(assigned.flatMap((record) => (record.removal === "" ? [[record.cluster, record]] : [])));
  const waiting = new Map(held.map((record) => [record.cluster, record]));
  return variants.flatMap(({ clusters }) => {
    const kind = clusters.filter((cluster) => waiting.has(cluster));
    const common = agreed(kind.flatMap((cluster) => running.get(cluster) ?? []));
    if (common === undefined) return [];
    return kind.flatMap((cluster) => {
      const record = waiting.get(cluster);
      if (record === undefined || running.has(cluster)) return [];
      const { declaredIn, syncRequest, confirmPrune, assignedAtMs } = record;
      return [{ ...common, cluster, declaredIn, syncRequest, confirmPrune, assignedAtMs }];
    });
  });
}

function agreed(records: readonly TargetRecord[]): TargetRecord | undefined {
  const seen = new Set<string>();
  return records.find(({ bundle }) => seen.has(bundle) || !seen.add(bundle));
}
