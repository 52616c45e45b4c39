import { at, listAt, textAt, type JsonRecord } from "@drover/shared/json";

import { current, type Verdict } from "./verdict.ts";

/** A schedule is in order whatever its last run came to: that is told, but must never hold a rollout back. */
export function assessCronJob(object: JsonRecord): Verdict {
  if (at(object, "spec", "suspend") === true) return { ...current, message: "the schedule is suspended" };
  const started = textAt(object, "status", "lastScheduleTime") ?? "";
  const succeeded = textAt(object, "status", "lastSuccessfulTime");
  // Servers before 1.21 do not tell when a run succeeded.
  const failed = succeeded !== undefined && succeeded < started && listAt(object, "status", "active").length === 0;
  return failed ? { ...current, message: "its last run did not succeed" } : current;
}
