import type { ClusterState } from "../cluster-state.ts";
import type { ServedKind } from "../resources/kinds.ts";

export type Version = { readonly version: string; readonly kinds: readonly ServedKind[] };
/** Versions with the preferred one first. */
export type Group = { readonly group: string; readonly versions: readonly Version[] };

const cache = new WeakMap<readonly ServedKind[], Group[]>();

/** All served kinds by group and version, groups in the order of their first kind. */
export function groupsOf(state: ClusterState): Group[] {
  const all = state.kinds.all();
  const known = cache.get(all);
  if (known !== undefined) return known;
  const byGroup = Map.groupBy(all, (kind) => kind.info.group);
  const groups = [...byGroup].map(([group, kinds]) => {
    const byVersion = Map.groupBy(kinds, (kind) => kind.info.version);
    const versions = [...byVersion].map(([version, ofVersion]) => ({ version, kinds: ofVersion }));
    return { group, versions: versions.sort((a, b) => compareVersions(a.version, b.version)) };
  });
  cache.set(all, groups);
  return groups;
}

export function groupVersionName(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The order of Kubernetes: v2, v1, v1beta2, v1beta1, v1alpha1, then everything else. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)];
  for (let i = 0; i < left.length; i += 1) {
    const difference = (right[i] ?? 0) - (left[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : 1;
}

function rank(version: string): number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/u.exec(version);
  if (match === null) return [0, 0, 0];
  const [, major = "0", stage, minor = "0"] = match;
  const stageRank = stage === undefined ? 3 : stage === "beta" ? 2 : 1;
  return [stageRank, Number(major), Number(minor)];
}
