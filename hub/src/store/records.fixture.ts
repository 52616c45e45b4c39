import type { Report } from "@drover/shared/link/link";
import { defaultSync } from "@drover/shared/sync-options";

import type { AuditEntry } from "../core/audit.ts";
import type { TargetRecord } from "../core/target.ts";
import type { ObservedRecord } from "./store.ts";

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

/** An observation as the store keeps it, of a report that says the same of every cluster. */
export function observedRecord(app: string, cluster: string): ObservedRecord {
  const report: Report = {
    application: app,
    sequence: 1,
    epoch: "e1",
    generation: 3,
    bundle: "b1",
    applied: "b1",
    commit: "c1",
    phase: "applied",
    health: "Current",
    reason: "",
    message: "",
    objects: [],
    receivedAtMs: 5,
    appliedAtMs: 6,
  };
  return { app, cluster, report, state: "current", reason: "", message: "", sinceMs: 3, observedAtMs: 4 };
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
