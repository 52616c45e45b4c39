import type { Position } from "@drover/shared/errors";

/** Labels of a cluster that Git owns. */
export interface DeclaredCluster {
  readonly kind: "Cluster";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly repository: string;
  readonly at: Position;
}
