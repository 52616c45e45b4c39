import { canonicalJson } from "@drover/shared/digest";
import type { Position } from "@drover/shared/errors";
import type { JsonRecord } from "@drover/shared/json";
import type { Manifest } from "@drover/shared/kube/manifest";

import type { PlaceableCluster } from "./cluster-selector.ts";
import { Contents, type BlobSet } from "./contents.ts";
import { inOrder, overridesFor, type Override } from "./override.ts";
import { place, type Placement } from "./placement.ts";
import type { Capabilities } from "./render/chart.ts";
import type { Rendered } from "./render/index.ts";
import { fillVariables } from "./variables.ts";
import { failedVariant, lack, varsOf, variantsOf, type Variant } from "./variants.ts";

/** What an application comes to on the clusters where it is placed. Clusters with the same content share a variant. */
export interface Desired {
  readonly variants: readonly Variant[];
  /** Everything that the variants consist of. */
  readonly blobs: BlobSet;
  /** Clusters that no placement selects, with the reason of the last one that looked. */
  readonly unselected: ReadonlyMap<string, string>;
}

/** Clusters for which the same overrides hold, with the same values for a chart, that sees the same of them. */
export interface Group {
  readonly overrides: readonly Override[];
  readonly clusters: readonly PlaceableCluster[];
  /** What overrides give to a chart, from weak to strong. */
  readonly values: readonly JsonRecord[];
  /** Variables in the values that the clusters have nothing for. */
  readonly missing: ReadonlyMap<string, Position | undefined>;
  /** What a chart looks at of the clusters. */
  readonly capabilities?: Capabilities;
  /** Why nothing can be rendered for the clusters yet; absent when it can. */
  readonly waiting?: string;
}

export interface Placed {
  readonly groups: readonly Group[];
  /** By cluster, the name of the strategy by which changes reach it; those that changes reach at once are absent. */
  readonly strategies: ReadonlyMap<string, string>;
  readonly unselected: Desired["unselected"];
}

/** Decides which clusters are meant, and which of them share their overrides. `running` names those that have it by now. */
export function placeClusters(
  placements: readonly Placement[],
  clusters: readonly PlaceableCluster[],
  running: ReadonlySet<string>,
): Placed {
  const { selected, unselected } = select(placements, clusters, running);
  return { groups: groupByOverrides(selected), strategies: strategiesOf(selected), unselected };
}

/**
 * Overrides, fills in and bundles what each group renders. Clusters of a group share all the work but that of objects
 * which hold variables. What a group lacks, or an error in its render, keeps what its clusters have.
 */
export function bundleGroups(
  { groups, unselected }: Pick<Placed, "groups" | "unselected">,
  renderOf: (group: Group) => Rendered,
): Desired {
  const blobs = new Contents();
  const variants = groups.flatMap((group): readonly Variant[] => {
    if (group.waiting !== undefined) return [{ ...failedVariant(group.clusters, []), waiting: group.waiting }];
    const { manifests, problems } = renderOf(group);
    const errors = [...lack(group.missing), ...problems.filter(({ severity }) => severity === "error")];
    return errors.length === 0 ? variantsOf({ manifests, ...group }, blobs) : [failedVariant(group.clusters, errors)];
  });
  return { variants, blobs, unselected };
}

/** `placeClusters` and `bundleGroups` for what renders the same everywhere. */
export function desire(
  manifests: readonly Manifest[],
  placements: readonly Placement[],
  clusters: readonly PlaceableCluster[],
  running: ReadonlySet<string> = new Set(),
): Desired {
  return bundleGroups(placeClusters(placements, clusters, running), () => ({ manifests, problems: [] }));
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

/** Of several placements the last one that names a strategy decides, as with overrides. */
function strategiesOf(selected: ReadonlyMap<string, Selection>): ReadonlyMap<string, string> {
  const strategies = new Map<string, string>();
  for (const [cluster, { placements }] of selected) {
    const strategy = inOrder(placements).findLast((placement) => placement.strategy !== "")?.strategy;
    if (strategy !== undefined) strategies.set(cluster, strategy);
  }
  return strategies;
}

function groupByOverrides(selected: ReadonlyMap<string, Selection>): readonly Group[] {
  const numbers = new Map<Override, number>();
  const groups = new Map<string, Group & { readonly clusters: PlaceableCluster[] }>();
  for (const { cluster, placements } of selected.values()) {
    const overrides = overridesFor(placements, cluster);
    for (const one of overrides) if (!numbers.has(one)) numbers.set(one, numbers.size);
    const { values, missing } = valuesFor(overrides, cluster);
    const told = values.length === 0 ? "" : canonicalJson([values, [...missing.keys()]]);
    const key = `${overrides.map((one) => numbers.get(one)).join()} ${told}`;
    const group = groups.get(key) ?? { overrides, values, missing, clusters: [] };
    group.clusters.push(cluster);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function valuesFor(overrides: readonly Override[], cluster: PlaceableCluster): Pick<Group, "values" | "missing"> {
  const missing = new Map<string, Position | undefined>();
  const source = { ...cluster, vars: { ...cluster.vars, ...varsOf(overrides) } };
  const values = overrides.flatMap(({ helmValues, at }) => {
    if (helmValues === undefined) return [];
    const filled = fillVariables(helmValues, source);
    for (const variable of filled.missing) missing.set(variable, at);
    return [filled.value];
  });
  return { values, missing };
}
