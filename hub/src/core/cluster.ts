import type { Position } from "@drover/shared/errors";

import { factPrefix } from "./fact-labels.ts";
import type { Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { readVars } from "./override.ts";
import type { VariableValue } from "./variables.ts";

/** What Git says of a cluster. */
export interface DeclaredCluster {
  readonly kind: "Cluster";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, VariableValue>>;
  /** Whether it takes no application that it does not have yet. */
  readonly cordoned: boolean;
  readonly repository: string;
  readonly at: Position;
}

/** A cluster is its labels; `spec` may be left out. */
export function readCluster({ name, labels, repository }: Header, document: Fields): DeclaredCluster {
  for (const key of Object.keys(labels)) {
    if (!key.startsWith(factPrefix)) continue;
    document.note(
      ["metadata", "labels", key],
      "is a fact, which only the cluster's agent can say",
      "use another prefix",
    );
  }
  const spec = document.map("spec");
  const vars = spec === undefined ? {} : readVars(spec);
  const cordoned = spec?.flag("cordoned", false) ?? false;
  spec?.finish();
  return { kind: "Cluster", name, labels, vars, cordoned, repository, at: document.at };
}
