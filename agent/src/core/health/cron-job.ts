import { at, type JsonRecord } from "@drover/shared/json";

import { current, verdict, type Verdict } from "./verdict.ts";

/** A schedule is in order whatever its last run came to: that must never hold a rollout back. */
export function assessCronJob(object: JsonRecord): Verdict {
  return at(object, "spec", "suspend") === true
    ? verdict("Suspended", "Suspended", "the schedule is suspended")
    : current;
}
