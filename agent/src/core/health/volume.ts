import { textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, verdict, type Verdict } from "./verdict.ts";

/**
 * A claim may wait for its first consumer by the choice of its storage class, which is not visible here; a workload
 * that needs the claim shows as progressing itself.
 */
export function assessClaim(object: JsonRecord): Verdict {
  switch (textAt(object, "status", "phase")) {
    case "Bound":
      return current;
    case "Lost":
      return verdict("Failed", "VolumeLost", "the volume that it was bound to is gone");
    default:
      return progressing("Pending", "no volume is bound yet");
  }
}

export function assessVolume(object: JsonRecord): Verdict {
  const phase = textAt(object, "status", "phase");
  if (phase === "Failed" || phase === "Released") {
    return verdict("Degraded", phase, textAt(object, "status", "message") ?? `the volume is ${phase.toLowerCase()}`);
  }
  return current;
}
