import type { JsonRecord } from "@drover/shared/json";

import { assessCustom } from "./custom-resource.ts";
import { conditionOf, progressing, verdict, type Kind, type Verdict } from "./verdict.ts";

/** AWS Controllers for Kubernetes. */
export function isAws(group: string): boolean {
  return group.endsWith(".services.k8s.aws");
}

/** `ACK.Terminal` is not tried again before the spec changes. */
export function assessAws(kind: Kind, object: JsonRecord): Verdict {
  const terminal = conditionOf(object, "ACK.Terminal");
  if (terminal?.status === "True") return verdict("Failed", terminal.reason || "Terminal", terminal.message);
  const synced = conditionOf(object, "ACK.ResourceSynced");
  if (synced === undefined || synced.status === "True") return assessCustom(kind, object);
  return progressing(synced.reason || "NotSynced", synced.message);
}
