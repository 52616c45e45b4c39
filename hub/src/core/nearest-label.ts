import { nearest } from "@drover/shared/nearest";

import {
  formatRequirement,
  formatSelector,
  holds,
  requirementsOf,
  type Requirement,
  type Selector,
} from "./selector.ts";

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

/** For a selector that matches no cluster: the requirement that none meets, and in brackets what was probably meant. */
export function explainSelector(selector: Selector, clusters: readonly Labelled[]): string {
  for (const requirement of requirementsOf(selector)) {
    if (clusters.some(({ labels }) => holds(requirement, labels))) continue;
    return `${formatRequirement(requirement)} matches 0 clusters (${meant(requirement, clusters)})`;
  }
  // Each requirement alone is met somewhere, only never all of them by one cluster.
  return `${formatSelector(selector)} matches 0 clusters (no cluster meets all of it)`;
}

/** The nearest label that clusters have, with the number of them: another value of the same key, or another key. */
function meant({ key, operator, values }: Requirement, clusters: readonly Labelled[]): string {
  const byKey = new Map<string, Map<string, number>>();
  for (const { labels } of clusters) {
    for (const [label, value] of Object.entries(labels)) {
      const counts = byKey.get(label) ?? new Map<string, number>();
      byKey.set(label, counts.set(value, (counts.get(value) ?? 0) + 1));
    }
  }
  if (operator === "NotIn" || operator === "DoesNotExist") return `every cluster has ${key}`;
  const known = byKey.get(key);
  if (known === undefined) {
    const label = nearest(key, [...byKey.keys()].toSorted());
    if (label === undefined) return `no cluster has a label ${key}`;
    const total = [...(byKey.get(label)?.values() ?? [])].reduce((sum, count) => sum + count, 0);
    return `${label}: ${total}?`;
  }
  for (const value of values) {
    const near = nearest(value, [...known.keys()].toSorted());
    if (near !== undefined) return `${key}=${near}: ${known.get(near) ?? 0}?`;
  }
  return `${key} is ${listValues([...known.keys()].toSorted())}`;
}

function listValues(values: readonly string[]): string {
  const shown = values.slice(0, 5).join(", ");
  return values.length > 5 ? `${shown} or ${values.length - 5} more` : shown;
}
