import { extendHistory } from "../core/history.ts";
import type { AssignmentChange, ClusterRecord } from "./store.ts";

/** The clusters that one change is about, with what it makes of them; those that are not known are left out. */
export function nextGenerations(
  change: Pick<AssignmentChange, "put" | "forget">,
  find: (cluster: string) => ClusterRecord | undefined,
): readonly ClusterRecord[] {
  const put = Map.groupBy(change.put, ({ cluster }) => cluster);
  const forget = Map.groupBy(change.forget, ({ cluster }) => cluster);
  return [...new Set([...put.keys(), ...forget.keys()])].flatMap((name) => {
    const cluster = find(name);
    if (cluster === undefined) return [];
    const generation = cluster.generation + 1;
    const own = { put: put.get(name) ?? [], forget: forget.get(name) ?? [] };
    return { ...cluster, generation, history: extendHistory(cluster.history, generation, own) };
  });
}
