import { numberAt, textAt, type JsonRecord } from "@drover/shared/json";

import { counted, current, progressing, type Verdict } from "./verdict.ts";

/**
 * Unlike kstatus and Argo CD, partition 0 (the API's default) also asks for the new revision to be everywhere: their
 * partition rule hides the revision check, so a stuck rollout looks finished.
 */
export function assessStatefulSet(object: JsonRecord): Verdict {
  if (numberAt(object, "status", "observedGeneration") === undefined) {
    return progressing("NotObserved", "its controller has not seen it yet");
  }
  const wanted = numberAt(object, "spec", "replicas") ?? 1;
  const count = (field: string): number => numberAt(object, "status", field) ?? 0;
  const ready = count("readyReplicas");
  if (ready < wanted) return progressing("RollingOut", counted(ready, wanted, "replicas are ready"));
  const minReady = numberAt(object, "spec", "minReadySeconds") ?? 0;
  const available = numberAt(object, "status", "availableReplicas");
  if (minReady > 0 && available !== undefined && available < wanted) {
    return progressing("RollingOut", counted(available, wanted, "replicas are available"));
  }
  if (count("replicas") > wanted) return progressing("RollingOut", `${count("replicas") - wanted} replicas are to end`);
  if (textAt(object, "spec", "updateStrategy", "type") === "OnDelete") return current;
  const partition = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  const updated = count("updatedReplicas");
  const toUpdate = Math.max(0, wanted - partition);
  const sameRevision = textAt(object, "status", "currentRevision") === textAt(object, "status", "updateRevision");
  // updatedReplicas counts nothing once the revisions have become one.
  if (updated >= toUpdate || (partition === 0 && sameRevision)) return current;
  return progressing("RollingOut", counted(updated, toUpdate, "replicas are updated"));
}
