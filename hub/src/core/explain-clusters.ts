import { nearest } from "@drover/shared/nearest";

import { matchCluster, type ClusterSelector, type PlaceableCluster } from "./cluster-selector.ts";
import { explainSelector } from "./nearest-label.ts";
import { matches } from "./selector.ts";

/** For clusters that are wanted and of which there is none: which part of it finds none, and what was probably meant. */
export function explainClusters(wanted: ClusterSelector, clusters: readonly PlaceableCluster[]): string {
  const { names, exclude, selector, expression } = wanted;
  const named = names === undefined ? clusters : clusters.filter(({ name }) => names.includes(name));
  if (named.length === 0) return `no cluster is named ${(names ?? []).join(" or ")}${meant(names ?? [], clusters)}`;
  const left = named.filter(({ name }) => !exclude.includes(name));
  if (left.length === 0) return `all clusters that it names are excluded: ${exclude.join(", ")}`;
  const labelled = left.filter(({ labels }) => matches(selector, labels).matched);
  const [first] = labelled;
  if (first === undefined) return explainSelector(selector, left);
  const failed = matchCluster(wanted, first).reason;
  return `${expression?.source ?? ""} holds for 0 clusters (${first.name}: ${failed})`;
}

function meant(names: readonly string[], clusters: readonly PlaceableCluster[]): string {
  const known = clusters.map(({ name }) => name).toSorted();
  const near = names.map((name) => nearest(name, known)).find((name) => name !== undefined);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}
