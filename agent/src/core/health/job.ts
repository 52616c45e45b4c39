import { at, numberAt, type JsonRecord } from "@drover/shared/json";

import { conditionOf, current, progressing, verdict, type Verdict } from "./verdict.ts";

/** Only conditions with status True count: a resumed Job keeps `Suspended` with status False. */
export function assessJob(object: JsonRecord): Verdict {
  const failed = conditionOf(object, "Failed");
  if (failed?.status === "True") return verdict("Failed", failed.reason || "JobFailed", failed.message);
  if (conditionOf(object, "Complete")?.status === "True") return current;
  if (at(object, "spec", "suspend") === true) return verdict("Suspended", "Suspended", "the job is suspended");
  const done = numberAt(object, "status", "succeeded") ?? 0;
  const retries = numberAt(object, "status", "failed") ?? 0;
  return progressing("Running", `${done} pods finished, ${retries} failed`);
}
