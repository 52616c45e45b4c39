import type { Position } from "@drover/shared/errors";

import { choose, type Choice } from "./choice.ts";
import {
  matchCluster,
  readClusterSelector,
  everyCluster,
  type ClusterSelector,
  type PlaceableCluster,
} from "./cluster-selector.ts";
import { explainClusters } from "./explain-clusters.ts";
import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { readOverride, type Override } from "./override.ts";
import { matches, readSelector, type Selector } from "./selector.ts";

/** Where applications run, and what is different there. */
export interface Placement {
  readonly kind: "Placement";
  readonly name: string;
  readonly repository: string;
  readonly applications: readonly string[];
  /** Applications by their labels; undefined = only those that are named. */
  readonly applicationSelector: Selector | undefined;
  readonly clusters: ClusterSelector;
  /** Whether a cordoned cluster gets it too. */
  readonly tolerateCordon: boolean;
  /** undefined = all clusters that match. */
  readonly choice: Choice | undefined;
  readonly overrides: readonly Override[];
  /** Name of the strategy by which changes are to reach its clusters; "" = all at once. */
  readonly strategy: string;
  readonly at: Position;
}

export interface PlacementDecision {
  readonly cluster: string;
  readonly matched: boolean;
  readonly reason: string;
}

/** Whether a placement is about an application. */
export function concerns(
  { applications, applicationSelector }: Placement,
  application: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (applications.includes(application.name)) return true;
  return applicationSelector !== undefined && matches(applicationSelector, application.labels).matched;
}

/**
 * Decides for every cluster. `running` names those that have the application by now: a cordoned cluster keeps what it
 * has, and a limited choice stays where it is. The order of the clusters changes no decision.
 */
export function place(
  placement: Placement,
  clusters: readonly PlaceableCluster[],
  running: ReadonlySet<string>,
): readonly PlacementDecision[] {
  const decided = clusters.map((cluster) => ({ cluster, ...matchOne(placement, cluster, running) }));
  const { choice, name } = placement;
  const candidates = decided.filter(({ matched }) => matched).map(({ cluster }) => cluster);
  const chosen = choice === undefined ? undefined : choose(candidates, choice, { seed: name, running });
  return decided.map(({ cluster, matched, reason }) => {
    if (!matched || chosen === undefined || chosen.has(cluster.name))
      return { cluster: cluster.name, matched, reason: `placement ${name} ${reason}` };
    const others = `takes ${chosen.size} of the ${candidates.length} clusters that match, and this is none of them`;
    return { cluster: cluster.name, matched: false, reason: `placement ${name} ${others}` };
  });
}

function matchOne(
  { clusters, tolerateCordon }: Placement,
  cluster: PlaceableCluster,
  running: ReadonlySet<string>,
): Pick<PlacementDecision, "matched" | "reason"> {
  const match = matchCluster(clusters, cluster);
  if (!match.matched || cluster.cordoned === "" || tolerateCordon || running.has(cluster.name)) return match;
  return { matched: false, reason: `matches it, but it takes nothing new: ${cluster.cordoned}` };
}

/** Why an application runs nowhere: `tier=platnum matches 0 clusters (tier=platinum: 12?)`. */
export function explainNoTargets(placements: readonly Placement[], clusters: readonly PlaceableCluster[]): string {
  if (placements.length === 0) return "no placement names it";
  if (clusters.length === 0) return "no cluster has joined";
  const none: ReadonlySet<string> = new Set();
  const reasons = placements.map((placement) => {
    const wanted = clusters.filter((cluster) => matchCluster(placement.clusters, cluster).matched);
    if (wanted.length === 0) return explainClusters(placement.clusters, clusters);
    const decisions = place(placement, wanted, none);
    return decisions.some(({ matched }) => matched) ? "" : (decisions[0]?.reason ?? "");
  });
  return [...new Set(reasons.filter((reason) => reason !== ""))].join("; ");
}

type Spec = Omit<Placement, "kind" | "name" | "repository" | "at">;

const nowhere: Spec = {
  applications: [],
  applicationSelector: undefined,
  clusters: everyCluster,
  tolerateCordon: false,
  choice: undefined,
  overrides: [],
  strategy: "",
};

export function readPlacement({ name, repository }: Header, document: Fields): Placement {
  const spec = document.requiredMap("spec");
  const read = spec === undefined ? nowhere : readSpec(spec);
  return { kind: "Placement", name, repository, ...read, at: document.at };
}

function readSpec(fields: Fields): Spec {
  const byLabels = fields.map("applicationSelector");
  if (!fields.has("applications") && !fields.has("applicationSelector")) fields.missing("applications");
  const spec: Spec = {
    applications: fields.texts("applications", nameRule),
    applicationSelector: byLabels === undefined ? undefined : readSelector(byLabels),
    clusters: readClusterSelector(fields),
    tolerateCordon: fields.flag("tolerateCordon", nowhere.tolerateCordon),
    choice: readChoice(fields),
    overrides: fields.maps("overrides").map(readOverride),
    strategy: fields.text("strategy", nameRule) ?? nowhere.strategy,
  };
  fields.finish();
  return spec;
}

function readChoice(spec: Fields): Choice | undefined {
  const limit = spec.whole("limit", { min: 0, max: 100_000 });
  const spread = spec.text("spread");
  if (limit !== undefined) return { limit, spread: spread ?? "" };
  if (spread !== undefined) spec.missing("limit", "spread says over which label so many clusters are shared out");
  return undefined;
}
