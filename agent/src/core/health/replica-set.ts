import { numberAt, type JsonRecord } from "@drover/shared/json";

import { refusedPods } from "./event-text.ts";
import { conditionOf, counted, current, progressing, verdict, type Verdict } from "./verdict.ts";

/** Also for ReplicationControllers. */
export function assessReplicaSet(object: JsonRecord): Verdict {
  const failure = conditionOf(object, "ReplicaFailure");
  if (failure?.status === "True")
    return verdict("Degraded", failure.reason || "ReplicaFailure", refusedPods(failure.message));
  if (numberAt(object, "status", "observedGeneration") === undefined) {
    return progressing("NotObserved", "its controller has not seen it yet");
  }
  const wanted = numberAt(object, "spec", "replicas") ?? 1;
  const count = (field: string): number => numberAt(object, "status", field) ?? 0;
  if (count("fullyLabeledReplicas") < wanted) {
    return progressing("Scaling", counted(count("fullyLabeledReplicas"), wanted, "replicas have the newest labels"));
  }
  if (count("readyReplicas") < wanted) {
    return progressing("Scaling", counted(count("readyReplicas"), wanted, "replicas are ready"));
  }
  if (count("availableReplicas") < wanted) {
    return progressing("Scaling", counted(count("availableReplicas"), wanted, "replicas are available"));
  }
  if (count("replicas") > wanted) return progressing("Scaling", `${count("replicas") - wanted} replicas are to end`);
  return current;
}
