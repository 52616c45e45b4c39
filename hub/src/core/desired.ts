import { encodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { Manifest } from "@drover/shared/kube/manifest";
import { sortForApply } from "@drover/shared/kube/order";
import type { Problem } from "@drover/shared/problems";

import { override, overridesFor } from "./override.ts";
import { place, type PlaceableCluster, type Placement } from "./placement.ts";

/** What an application comes to on the clusters where it is placed. Clusters with the same overrides share a variant. */
export interface Desired {
  readonly variants: readonly Variant[];
  /** Clusters that no placement selects, with the reason of the last one that looked. */
  readonly unselected: ReadonlyMap<string, string>;
}

export interface Variant {
  readonly clusters: readonly string[];
  readonly bundle: Digest;
  readonly objects: number;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  /** With an error among them the clusters of this variant keep what they have. */
  readonly problems: readonly Problem[];
}

/** Places, patches and bundles. The work grows with the number of distinct variants, not with that of clusters. */
export function desire(
  manifests: readonly Manifest[],
  placements: readonly Placement[],
  clusters: readonly PlaceableCluster[],
): Desired {
  const { selected, unselected } = select(placements, clusters);
  const groups = new Map<string, { clusters: string[]; representative: PlaceableCluster }>();
  for (const cluster of selected) {
    const key = overridesFor(placements, cluster)
      .map(({ at }) => `${at.file}:${at.line}:${at.column}`)
      .join("\n");
    const group = groups.get(key) ?? { clusters: [], representative: cluster };
    group.clusters.push(cluster.name);
    groups.set(key, group);
  }
  const variants = [...groups.values()].map((group) => {
    const patched = override(manifests, overridesFor(placements, group.representative));
    const objects = sortForApply(patched.manifests.map((manifest) => canonicalize(manifest.object)));
    const { bundle, blobs } = encodeBundle(objects);
    return {
      clusters: group.clusters,
      bundle: bundle.digest,
      objects: objects.length,
      blobs,
      problems: patched.problems,
    };
  });
  return { variants, unselected };
}

function select(placements: readonly Placement[], clusters: readonly PlaceableCluster[]) {
  const selected = new Map<string, PlaceableCluster>();
  const unselected = new Map<string, string>();
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  for (const placement of placements) {
    for (const decision of place(placement, clusters)) {
      const cluster = byName.get(decision.cluster);
      if (decision.matched && cluster !== undefined) selected.set(cluster.name, cluster);
      else unselected.set(decision.cluster, decision.reason);
    }
  }
  for (const name of selected.keys()) unselected.delete(name);
  return { selected: selected.values(), unselected };
}
