import { extendHistory } from "../core/history.ts";
import type { TargetId } from "../core/target.ts";
import type { AssignmentChange, ClusterRecord } from "./store.ts";

/** A cluster with what one change makes of it. */
export function nextGeneration(cluster: ClusterRecord, { put, forget }: AssignmentChange): ClusterRecord {
  const generation = cluster.generation + 1;
  const isOn = (id: TargetId): boolean => id.cluster === cluster.name;
  const change = { put: put.filter(isOn), forget: forget.filter(isOn) };
  return { ...cluster, generation, history: extendHistory(cluster.history, generation, change) };
}
