import { canonicalJson } from "@drover/shared/digest";

import type { PlaceableCluster } from "./cluster-selector.ts";
import type { Group, Placed } from "./desired.ts";
import type { Capabilities } from "./render/chart.ts";
import type { Variant } from "./render/index.ts";
import type { Looks } from "./render/looks.ts";

/**
 * Parts clusters for which a chart renders differently: by what it looks at of them, and by nothing else, so that a
 * thousand clusters of three versions are rendered for three times, or once. What no agent has told is not guessed: what
 * is rendered for another version may be wrong, and take objects away.
 */
export async function splitGroups(placed: Placed, looksOf: (variant: Variant) => Promise<Looks>): Promise<Placed> {
  const split: Group[] = [];
  for (const group of placed.groups) split.push(...splitGroup(group, await looksOf({ values: group.values })));
  return { ...placed, groups: split };
}

function splitGroup(group: Group, looks: Looks): readonly Group[] {
  if (!looks.version && !looks.apis) return [group];
  const parts = new Map<string, Group & { readonly clusters: PlaceableCluster[] }>();
  for (const cluster of group.clusters) {
    const seen = lookAt(cluster.capabilities ?? {}, looks);
    const key = canonicalJson(seen === undefined ? [] : [seen.kubeVersion, seen.apis?.digest]);
    const told = seen === undefined ? { waiting: explain(looks) } : { capabilities: seen };
    const part = parts.get(key) ?? { ...group, ...told, clusters: [] };
    part.clusters.push(cluster);
    parts.set(key, part);
  }
  return [...parts.values()];
}

/** undefined = some of it is not known. */
function lookAt({ kubeVersion, apis }: Capabilities, looks: Looks): Capabilities | undefined {
  if ((looks.version && kubeVersion === undefined) || (looks.apis && apis === undefined)) return undefined;
  return {
    ...(looks.version && kubeVersion !== undefined ? { kubeVersion } : {}),
    ...(looks.apis && apis !== undefined ? { apis } : {}),
  };
}

function explain({ version, apis }: Looks): string {
  const parts = [version ? "the version of Kubernetes" : "", apis ? "the APIs" : ""].filter((part) => part !== "");
  return `the chart looks at ${parts.join(" and ")} of its cluster, which no agent has told yet`;
}
