import type { JsonRecord } from "@drover/shared/json";

import { conditionOf, current, progressing, type Verdict } from "./verdict.ts";

export function assessApiService(object: JsonRecord): Verdict {
  const available = conditionOf(object, "Available");
  if (available?.status === "True") return current;
  return progressing(available?.reason || "NotAvailable", available?.message ?? "the API is not available yet");
}
