import { at, recordAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, progressing, verdict, type Verdict } from "./verdict.ts";

/** An error is tried again by the snapshot controller for as long as the snapshot is not ready. */
export function assessVolumeSnapshot(object: JsonRecord): Verdict {
  if (at(object, "status", "readyToUse") === true) return current;
  const error = recordAt(object, "status", "error");
  if (error === undefined) return progressing("NotReadyToUse", "the snapshot is not ready to use yet");
  return verdict("Degraded", "SnapshotFailed", textAt(error, "message") ?? "the snapshot could not be taken");
}
