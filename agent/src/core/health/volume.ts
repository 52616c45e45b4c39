import { textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, verdict, type Verdict } from "./verdict.ts";

/** The scheduler writes the node here once a pod uses the claim. */
const selectedNode = "volume.kubernetes.io/selected-node";

/** A claim whose storage class waits for the first consumer is in order for as long as there is none (case 75). */
export function assessClaim(object: JsonRecord): Verdict {
  switch (textAt(object, "status", "phase")) {
    case "Bound":
      return current;
    case "Lost":
      return verdict("Failed", "VolumeLost", "the volume that it was bound to is gone");
    default:
      return assessPending(object);
  }
}

function assessPending(object: JsonRecord): Verdict {
  const pending = progressing("Pending", "no volume is bound yet");
  const storageClass = textAt(object, "spec", "storageClassName") ?? "";
  const isUsed = textAt(object, "metadata", "annotations", selectedNode) !== undefined;
  if (storageClass === "" || isUsed) return pending;
  const yes = { ...current, message: "a volume will be bound once a pod uses the claim" };
  return { ...pending, question: { about: { what: "binds-late", storageClass }, yes } };
}

export function assessVolume(object: JsonRecord): Verdict {
  const phase = textAt(object, "status", "phase");
  if (phase === "Failed" || phase === "Released") {
    return verdict("Degraded", phase, textAt(object, "status", "message") ?? `the volume is ${phase.toLowerCase()}`);
  }
  return current;
}
