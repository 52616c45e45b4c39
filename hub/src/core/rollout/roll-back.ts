import type { TargetRecord } from "../target.ts";
import type { Rollout } from "./rollout.ts";

/** Notes what clusters have before they get the change, so that it can come back. */
export function rememberPrevious(
  rollout: Rollout,
  release: readonly string[],
  assigned: ReadonlyMap<string, TargetRecord>,
): Rollout {
  const before = release.flatMap((cluster) => {
    const record = assigned.get(cluster);
    return record === undefined || record.removal !== "" ? [] : [[cluster, record] as const];
  });
  // Of a cluster that changed meanwhile, what it had when the rollout reached it first.
  return { ...rollout, previous: { ...Object.fromEntries(before), ...rollout.previous } };
}

/**
 * What clusters that got the change get back, each its own (E36); those that had nothing keep what they have. The rollout
 * stays frozen, so none of them gets the change again before a person says so.
 */
export function rollBack(
  rollout: Rollout,
  assigned: ReadonlyMap<string, TargetRecord>,
  nowMs: number,
): { readonly rollout: Rollout; readonly put: readonly TargetRecord[] } {
  const put = Object.values(rollout.previous).flatMap((record) => {
    const now = assigned.get(record.cluster);
    if (now === undefined || now.removal !== "") return [];
    const { syncRequest, confirmPrune } = now;
    return [{ ...record, syncRequest, confirmPrune, assignedAtMs: nowMs }];
  });
  return { rollout: { ...rollout, previous: {} }, put };
}
