import { digestOf } from "@drover/shared/digest";

import type { PlaceableCluster } from "./cluster-selector.ts";

/** How many of the clusters that match are taken, and evenly over which of their labels. */
export interface Choice {
  readonly limit: number;
  /** Label whose values get as equal a share as there are clusters for; "" = none. */
  readonly spread: string;
}

/**
 * Takes some of the candidates, by name. Where an application runs already it stays, as far as the shares allow; the
 * others come in an order of their own for each placement (rendezvous hashing), so that a cluster which comes or goes
 * moves at most one, and not all placements fill the same clusters. The order of the candidates changes nothing.
 */
export function choose(
  candidates: readonly PlaceableCluster[],
  { limit, spread }: Choice,
  { seed, running }: { readonly seed: string; readonly running: ReadonlySet<string> },
): ReadonlySet<string> {
  const rank = (cluster: PlaceableCluster): string =>
    `${running.has(cluster.name) ? 0 : 1} ${digestOf(`${seed}\n${cluster.name}`)}`;
  const shares = new Map<string, Share>();
  const ranked = candidates.map((cluster) => ({ cluster, rank: rank(cluster) }));
  for (const { cluster, rank: order } of ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1))) {
    const value = spread === "" ? "" : (cluster.labels[spread] ?? "");
    const share = shares.get(value) ?? { waiting: [], taken: 0 };
    share.waiting.push({ name: cluster.name, rank: order });
    shares.set(value, share);
  }
  const chosen = new Set<string>();
  while (chosen.size < limit) {
    const [next] = [...shares.values()].filter(({ waiting }) => waiting.length > 0).toSorted(byNeed);
    const first = next?.waiting.shift();
    if (next === undefined || first === undefined) break;
    next.taken += 1;
    chosen.add(first.name);
  }
  return chosen;
}

interface Share {
  readonly waiting: { readonly name: string; readonly rank: string }[];
  taken: number;
}

/** The share with the fewest first; among equals the one whose next cluster comes first. */
function byNeed(a: Share, b: Share): number {
  return a.taken - b.taken || ((a.waiting[0]?.rank ?? "") < (b.waiting[0]?.rank ?? "") ? -1 : 1);
}
