import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Override, PlaceableCluster, Placement } from "./placement.ts";

/** The overrides of these placements that hold for the cluster, in the order in which they are applied. */
export function overridesFor(placements: readonly Placement[], cluster: PlaceableCluster): readonly Override[] {
  void [placements, cluster];
  return [];
}

export interface Overridden {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/** Applies patches in order. What no patch touches stays the same object. */
export function override(manifests: readonly Manifest[], overrides: readonly Override[]): Overridden {
  void overrides;
  return { manifests, problems: [] };
}
