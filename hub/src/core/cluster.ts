import type { Position } from "@drover/shared/errors";

import type { Fields } from "./fields.ts";
import type { Header } from "./header.ts";

/** Labels of a cluster that Git owns. */
export interface DeclaredCluster {
  readonly kind: "Cluster";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly repository: string;
  readonly at: Position;
}

/** A cluster is its labels; `spec` may be left out. */
export function readCluster({ name, labels, repository }: Header, document: Fields): DeclaredCluster {
  document.map("spec")?.finish();
  return { kind: "Cluster", name, labels, repository, at: document.at };
}
