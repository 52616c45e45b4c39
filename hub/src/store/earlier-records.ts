import { defaultSync } from "@drover/shared/sync-options";

import type { Rollout, WaveProgress } from "../core/rollout/rollout.ts";
import type { TargetRecord } from "../core/target.ts";
import { clusterDefaults, sourceDefaults, type ClusterRecord, type SourceRecord } from "./store.ts";

/** Records as they are in the store: earlier versions did not write every field. */
type Stored<T> = Partial<T>;

export function readSource(record: Stored<SourceRecord> & Pick<SourceRecord, "name" | "url">): SourceRecord {
  return { ...sourceDefaults, ...record };
}

/** Earlier versions knew fewer facts, and placements chose by whatever agents had said last. */
export function readCluster(record: Stored<ClusterRecord> & Pick<ClusterRecord, "name">): ClusterRecord {
  const { facts, factsSinceMs, settled = facts } = record;
  return {
    ...clusterDefaults,
    ...record,
    facts: { ...clusterDefaults.facts, ...facts },
    factsSinceMs: { ...clusterDefaults.factsSinceMs, ...factsSinceMs },
    settled: { ...clusterDefaults.settled, ...settled },
  };
}

type StoredProgress = Omit<WaveProgress, "approvals"> & Stored<WaveProgress> & { readonly approvedBy?: string };

/** Earlier versions took one approval, and did not know the author. */
export function readRollout({
  waves,
  ...record
}: Omit<Rollout, "waves" | "authors"> &
  Stored<Pick<Rollout, "authors">> & {
    readonly waves: Readonly<Record<string, StoredProgress>>;
  }): Rollout {
  const read = Object.entries(waves).map(([name, { approvedBy = "", approvals, ...progress }]) => {
    const before = approvedBy === "" ? [] : [{ by: approvedBy, who: `token ${approvedBy}` }];
    return [name, { ...progress, approvals: approvals ?? before }] as const;
  });
  return { authors: [], ...record, waves: Object.fromEntries(read) };
}

type AddedToTargets = Pick<TargetRecord, "sync" | "deletion" | "confirmPrune">;

export function readTarget(record: Omit<TargetRecord, keyof AddedToTargets> & Stored<AddedToTargets>): TargetRecord {
  return { sync: defaultSync, deletion: "uninstall", confirmPrune: "", ...record };
}
