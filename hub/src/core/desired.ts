import type { Blob } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { Manifest } from "@drover/shared/kube/manifest";

import type { PlaceableCluster } from "./cluster-selector.ts";
import { overridesFor, type Override } from "./override.ts";
import { place, type Placement } from "./placement.ts";
import { variantsOf, type Variant } from "./variants.ts";

/** What an application comes to on the clusters where it is placed. Clusters with the same content share a variant. */
export interface Desired {
  readonly variants: readonly Variant[];
  /** Everything that the variants consist of. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  /** Clusters that no placement selects, with the reason of the last one that looked. */
  readonly unselected: ReadonlyMap<string, string>;
}

/**
 * Places, overrides, fills in and bundles. Clusters with the same overrides share all the work but that of objects which
 * hold variables. `running` names the clusters that have the application by now.
 */
export function desire(
  manifests: readonly Manifest[],
  placements: readonly Placement[],
  clusters: readonly PlaceableCluster[],
  running: ReadonlySet<string> = new Set(),
): Desired {
  const { selected, unselected } = select(placements, clusters, running);
  const blobs = new Map<Digest, Uint8Array>();
  const keep = ({ digest, bytes }: Blob): void => void blobs.set(digest, bytes);
  const variants = groupByOverrides(selected).flatMap((group) => variantsOf({ manifests, ...group }, keep));
  return { variants, blobs, unselected };
}

interface Selection {
  readonly cluster: PlaceableCluster;
  readonly placements: Placement[];
}

/** Which placements take which cluster, and why none takes the others. */
export function select(
  placements: readonly Placement[],
  clusters: readonly PlaceableCluster[],
  running: ReadonlySet<string>,
): { readonly selected: ReadonlyMap<string, Selection>; readonly unselected: ReadonlyMap<string, string> } {
  const selected = new Map<string, Selection>();
  const unselected = new Map<string, string>();
  for (const placement of placements) {
    for (const [index, { cluster: name, matched, reason }] of place(placement, clusters, running).entries()) {
      const cluster = clusters[index];
      if (!matched || cluster === undefined) {
        unselected.set(name, reason);
        continue;
      }
      const selection = selected.get(name) ?? { cluster, placements: [] };
      selection.placements.push(placement);
      selected.set(name, selection);
    }
  }
  for (const name of selected.keys()) unselected.delete(name);
  return { selected, unselected };
}

interface Group {
  readonly overrides: readonly Override[];
  readonly clusters: PlaceableCluster[];
}

function groupByOverrides(selected: ReadonlyMap<string, Selection>): readonly Group[] {
  const numbers = new Map<Override, number>();
  const groups = new Map<string, Group>();
  for (const { cluster, placements } of selected.values()) {
    const overrides = overridesFor(placements, cluster);
    for (const one of overrides) if (!numbers.has(one)) numbers.set(one, numbers.size);
    const key = overrides.map((one) => numbers.get(one)).join();
    const group = groups.get(key) ?? { overrides, clusters: [] };
    group.clusters.push(cluster);
    groups.set(key, group);
  }
  return [...groups.values()];
}
