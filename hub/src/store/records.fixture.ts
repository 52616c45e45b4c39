import { defaultSync } from "@drover/shared/sync-options";

import type { AuditEntry } from "../core/audit.ts";
import type { TargetRecord } from "../core/target.ts";

/** A target as the store keeps it. */
export function targetRecord(app: string, cluster: string, bundle: string): TargetRecord {
  return {
    app,
    cluster,
    declaredIn: ["config"],
    bundle,
    objects: 1,
    repository: "config",
    commit: "c1",
    namespace: "",
    createNamespace: false,
    prune: true,
    sync: defaultSync,
    deletion: "uninstall",
    confirmPrune: "",
    syncRequest: 0,
    seenAtMs: 1,
    assignedAtMs: 2,
    removal: "",
  };
}

export const auditEntry: AuditEntry = {
  at: 5,
  actor: "ci",
  verb: "create",
  kind: "source",
  name: "config",
  request: "r1",
  address: "127.0.0.1",
  result: "done",
  reason: "",
  changed: ["url"],
};
