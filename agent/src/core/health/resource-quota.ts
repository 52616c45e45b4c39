import { recordAt, type JsonRecord } from "@drover/shared/json";

import { current, outdated, type Verdict } from "./verdict.ts";

/** A quota limits nothing reliably until its controller has taken the limits over into the status. */
export function assessResourceQuota(object: JsonRecord): Verdict {
  const enforced = recordAt(object, "status", "hard");
  const wanted = Object.entries(recordAt(object, "spec", "hard") ?? {});
  return enforced !== undefined && wanted.every(([name, limit]) => enforced[name] === limit) ? current : outdated;
}
