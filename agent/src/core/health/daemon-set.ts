import { numberAt, textAt, type JsonRecord } from "@drover/shared/json";

import { counted, current, progressing, type Verdict } from "./verdict.ts";

export function assessDaemonSet(object: JsonRecord): Verdict {
  if (numberAt(object, "status", "observedGeneration") === undefined) {
    return progressing("NotObserved", "its controller has not seen it yet");
  }
  const count = (field: string): number => numberAt(object, "status", field) ?? 0;
  const wanted = count("desiredNumberScheduled");
  const onDelete = textAt(object, "spec", "updateStrategy", "type") === "OnDelete";
  const checks = [
    [count("currentNumberScheduled"), "nodes run a pod"],
    // With OnDelete old pods stay until a person deletes them; waiting for that would never end.
    ...(onDelete ? [] : [[count("updatedNumberScheduled"), "pods are updated"] as const]),
    [count("numberAvailable"), "pods are available"],
    [count("numberReady"), "pods are ready"],
  ] as const;
  for (const [number, what] of checks) {
    if (number < wanted) return progressing("RollingOut", counted(number, wanted, what));
  }
  return current;
}
