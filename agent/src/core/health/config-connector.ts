import type { JsonRecord } from "@drover/shared/json";

import { assessCustom } from "./custom-resource.ts";
import { conditionOf, current, isStale, outdated, verdict, type Kind, type Verdict } from "./verdict.ts";

/** Config Connector of Google Cloud. */
export function isConfigConnector(group: string): boolean {
  return group.endsWith(".cnrm.cloud.google.com");
}

/** One condition, `Ready`, tells both whether the resource is carried over and whether it is ready; the reason tells which. */
export function assessConfigConnector(kind: Kind, object: JsonRecord): Verdict {
  const ready = conditionOf(object, "Ready");
  if (ready === undefined) return assessCustom(kind, object);
  if (isStale(object, ready)) return outdated;
  if (ready.status === "True") return current;
  const reason = ready.reason || "NotReady";
  return verdict(failing.test(reason) ? "Degraded" : "Progressing", reason, ready.message);
}

/** `UpdateFailed`, `DeleteFailed`, `DependencyNotFound`, `ManagementConflict` …; `Updating` and `DependencyNotReady` pass. */
const failing = /Failed$|NotFound$|Invalid$|Conflict$/u;
