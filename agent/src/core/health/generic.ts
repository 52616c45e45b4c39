import { numberAt, textAt, type JsonRecord } from "@drover/shared/json";

import { conditionOf, current, isStale, outdated, progressing, verdict, type Verdict } from "./verdict.ts";

/** What no rule can see otherwise: it is going, or its controller looks at an older spec. */
export function assessSeen(object: JsonRecord): Verdict | undefined {
  if (textAt(object, "metadata", "deletionTimestamp") !== undefined) {
    return verdict("Terminating", "Terminating", "it is being deleted");
  }
  const generation = numberAt(object, "metadata", "generation");
  const observed = numberAt(object, "status", "observedGeneration");
  if (generation !== undefined && observed !== undefined && observed !== generation) {
    return outdated;
  }
  return undefined;
}

/** What holds for every kind before its own rule is asked (kstatus, "generic"). undefined: nothing to object to. */
export function assessFirst(object: JsonRecord): Verdict | undefined {
  const seen = assessSeen(object);
  if (seen !== undefined) return seen;
  const reconciling = conditionOf(object, "Reconciling");
  if (reconciling?.status === "True") return progressing(reconciling.reason || "Reconciling", reconciling.message);
  const stalled = conditionOf(object, "Stalled");
  if (stalled?.status === "True") return verdict("Failed", stalled.reason || "Stalled", stalled.message);
  return undefined;
}

/** For kinds without a rule of their own: the condition `Ready`, where there is one. */
export function assessReady(object: JsonRecord): Verdict {
  const ready = conditionOf(object, "Ready");
  if (ready === undefined) return current;
  if (isStale(object, ready)) return outdated;
  return ready.status === "True" ? current : progressing(ready.reason || "NotReady", ready.message);
}
