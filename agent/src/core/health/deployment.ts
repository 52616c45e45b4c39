import { at, numberAt, type JsonRecord } from "@drover/shared/json";

import { refusedPods } from "./event-text.ts";
import { conditionOf, counted, current, progressing, verdict, type Verdict } from "./verdict.ts";

/** kstatus' counts, with Argo CD's `paused`; a replica that cannot be made is said at once, not at the deadline. */
export function assessDeployment(object: JsonRecord): Verdict {
  const failure = conditionOf(object, "ReplicaFailure");
  if (failure?.status === "True")
    return verdict("Degraded", failure.reason || "ReplicaFailure", refusedPods(failure.message));
  const progress = conditionOf(object, "Progressing");
  if (progress?.reason === "ProgressDeadlineExceeded") {
    return verdict("Failed", "ProgressDeadlineExceeded", progress.message);
  }
  if (at(object, "spec", "paused") === true) return verdict("Suspended", "Paused", "the rollout is paused");
  if (numberAt(object, "status", "observedGeneration") === undefined) {
    return progressing("NotObserved", "its controller has not seen it yet");
  }
  return assessCounts(object);
}

function assessCounts(object: JsonRecord): Verdict {
  const wanted = numberAt(object, "spec", "replicas") ?? 1;
  const count = (field: string): number => numberAt(object, "status", field) ?? 0;
  const [total, updated, ready, available] = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].map(
    count,
  ) as [number, number, number, number];
  if (updated < wanted) return progressing("RollingOut", counted(updated, wanted, "replicas are updated"));
  if (total > updated) return progressing("RollingOut", `${total - updated} old replicas are to end`);
  if (total > wanted) return progressing("RollingOut", `${total - wanted} replicas are to end`);
  if (ready < wanted) return progressing("RollingOut", counted(ready, wanted, "replicas are ready"));
  if (available < updated) return progressing("RollingOut", counted(available, updated, "replicas are available"));
  const isAvailable = conditionOf(object, "Available");
  if (wanted > 0 && isAvailable !== undefined && isAvailable.status !== "True") {
    return progressing(isAvailable.reason || "NotAvailable", isAvailable.message);
  }
  // With a deadline the controller says itself when a rollout is complete; it may still be to compare the templates.
  const progress = conditionOf(object, "Progressing");
  const hasDeadline = numberAt(object, "spec", "progressDeadlineSeconds") !== undefined;
  if (hasDeadline && progress !== undefined && progress.reason !== "NewReplicaSetAvailable") {
    return progressing(progress.reason || "RollingOut", progress.message);
  }
  return current;
}
