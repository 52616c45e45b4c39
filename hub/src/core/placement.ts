import type { Position } from "@drover/shared/errors";

import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { explainSelector } from "./nearest-label.ts";
import { readPatch, type Patch } from "./patch.ts";
import { matchAll, matches, readSelector, type Selector } from "./selector.ts";

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

export interface PlaceableCluster {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PlacementDecision {
  readonly cluster: string;
  readonly matched: boolean;
  readonly reason: string;
}

/** Decides for every cluster by itself, so the order of the clusters changes no decision. */
export function place(placement: Placement, clusters: readonly PlaceableCluster[]): readonly PlacementDecision[] {
  return clusters.map(({ name, labels }) => {
    const { matched, reason } = matches(placement.selector, labels);
    return { cluster: name, matched, reason: `placement ${placement.name} ${reason}` };
  });
}

/** Why an application runs nowhere: `tier=platnum matches 0 clusters (tier=platinum: 12?)`. */
export function explainNoTargets(placements: readonly Placement[], clusters: readonly PlaceableCluster[]): string {
  if (placements.length === 0) return "no placement names it";
  if (clusters.length === 0) return "no cluster has joined";
  const empty = placements.filter(({ selector }) => !clusters.some(({ labels }) => matches(selector, labels).matched));
  return [...new Set(empty.map(({ selector }) => explainSelector(selector, clusters)))].join("; ");
}

export function readPlacement({ name, repository }: Header, document: Fields): Placement {
  const at = document.at;
  const spec = document.requiredMap("spec");
  const applications = spec?.texts("applications", nameRule) ?? [];
  if (spec !== undefined && applications.length === 0 && !spec.has("applications")) spec.missing("applications");
  const placement: Placement = {
    kind: "Placement",
    name,
    repository,
    applications,
    selector: spec === undefined ? matchAll : readClusterSelector(spec),
    overrides: spec?.maps("overrides").map(readOverride) ?? [],
    at,
  };
  spec?.finish();
  return placement;
}

function readOverride(fields: Fields): Override {
  const override: Override = {
    selector: readClusterSelector(fields),
    patches: fields.maps("patches").flatMap((patch) => readPatch(patch) ?? []),
    at: fields.at,
  };
  if (!fields.has("patches")) fields.missing("patches");
  fields.finish();
  return override;
}

/** `{}` is every cluster. Nothing written is more often a slip than a wish, so it is refused. */
function readClusterSelector(fields: Fields): Selector {
  if (fields.has("selector") && fields.value("selector") === null) {
    fields.wrong("selector", "is empty", "write {} for every cluster");
    return matchAll;
  }
  const selector = fields.requiredMap("selector");
  return selector === undefined ? matchAll : readSelector(selector);
}
