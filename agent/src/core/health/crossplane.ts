import type { JsonRecord } from "@drover/shared/json";

import { assessCustom } from "./custom-resource.ts";
import { conditionOf, isStale, outdated, progressing, verdict, type Kind, type Verdict } from "./verdict.ts";

/** Crossplane and its providers. */
export function isCrossplane(group: string): boolean {
  return ["crossplane.io", "upbound.io"].some((owner) => group === owner || group.endsWith(`.${owner}`));
}

/**
 * `Synced` and `Ready`: what can no longer be carried over to the outside stays ready as it was, and is out of order all
 * the same. Kinds that stand for nothing outside have no `Synced`.
 */
export function assessCrossplane(kind: Kind, object: JsonRecord): Verdict {
  const synced = conditionOf(object, "Synced");
  if (synced === undefined) return assessCustom(kind, object);
  if (isStale(object, synced)) return outdated;
  if (synced.status === "False") return verdict("Degraded", synced.reason || "NotSynced", synced.message);
  if (synced.status !== "True") return progressing(synced.reason || "NotSynced", synced.message);
  if (conditionOf(object, "Ready") === undefined) {
    return progressing("NotReady", "nothing is known yet of what it stands for");
  }
  return assessCustom(kind, object);
}
