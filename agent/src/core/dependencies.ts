import type { Digest } from "@drover/shared/digest";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import { isReady } from "./gate.ts";
import type { ApplicationRecord } from "./record.ts";

/** An application that another one depends on, as it is in this cluster. */
export interface Dependency {
  readonly name: string;
  /** The bundle that it is to be at; undefined = it is not to run here. */
  readonly bundle: Digest | undefined;
  readonly application: Pick<ApplicationRecord, "bundle" | "phase" | "objects"> | undefined;
}

/** What of the first dependency is missing that is not at its own newest bundle, and ready; undefined = nothing. */
export function findUnmet(dependencies: readonly Dependency[]): string | undefined {
  for (const { name, bundle, application } of dependencies) {
    if (bundle === undefined) return `it depends on ${name}, which is not to run on this cluster`;
    if (application?.bundle !== bundle || application.phase !== "applied")
      return `waits for ${name}, which is not applied yet`;
    const objects = [...application.objects.values()];
    const unready = objects.find((record) => record.desired !== "" && !isReady(record));
    if (unready === undefined) continue;
    const { reason } = unready.verdict;
    return `waits for ${name}: ${formatObjectKey(unready.key)} is not ready${reason === "" ? "" : `: ${reason}`}`;
  }
  return undefined;
}
