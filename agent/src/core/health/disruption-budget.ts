import { numberAt, type JsonRecord } from "@drover/shared/json";

import { conditionOf, current, unobserved, verdict, type Verdict } from "./verdict.ts";

/** Too few pods is the budget at work; anything else that forbids disruption is a fault of the budget. */
export function assessDisruptionBudget(object: JsonRecord): Verdict {
  const allowed = conditionOf(object, "DisruptionAllowed");
  // Servers before 1.21 have no conditions here.
  if (allowed === undefined) {
    return numberAt(object, "status", "observedGeneration") === undefined ? unobserved : current;
  }
  if (allowed.status !== "False" || allowed.reason === "InsufficientPods") return current;
  return verdict("Degraded", allowed.reason || "DisruptionNotAllowed", allowed.message);
}
