import { textAt, type JsonRecord } from "@drover/shared/json";

/** Who provides most of these nodes, as the scheme of their provider ids says: `aws`, `gce`, `azure`; "" = none says it. */
export function providerOf(nodes: readonly JsonRecord[]): string {
  const scheme = /^(?<scheme>[a-z][a-z0-9.+-]{0,62}):\/\//u;
  return mostFrequent(nodes.map((node) => scheme.exec(textAt(node, "spec", "providerID") ?? "")?.groups?.["scheme"]));
}

/** The region of most of these nodes; "" = none has one. */
export function regionOf(nodes: readonly JsonRecord[]): string {
  return mostFrequent(nodes.map((node) => textAt(node, "metadata", "labels", "topology.kubernetes.io/region")));
}

/** Of equally frequent ones the first by name, so that the answer does not depend on an order. */
function mostFrequent(values: readonly (string | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const value of values) {
    if (value !== undefined && value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const ranked = [...counts].toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  return ranked[0]?.[0] ?? "";
}
