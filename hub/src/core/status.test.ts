import type { Report } from "@drover/shared/link/link";
import { describe, expect, it } from "vitest";

import { assessTarget, countCurrent, rollUp, type TargetFacts } from "./status.ts";

const report: Report = {
  application: "web",
  sequence: 1,
  epoch: "e",
  generation: 1,
  bundle: "b1",
  applied: "b1",
  commit: "c1",
  phase: "applied",
  health: "Current",
  reason: "",
  message: "",
  objects: [],
  receivedAtMs: 0,
  appliedAtMs: 0,
};
const object = {
  key: { group: "apps", kind: "Deployment", namespace: "shop", name: "web" },
  version: "v1",
  apply: "applied",
  health: "Current",
  reason: "",
  message: "",
} as const;
const target = { app: "web", cluster: "dev-1", bundle: "b1", removal: "", syncRequest: 0 };
const heldPrune = { digest: "sha256:ab", objects: 12, reason: "ManyLeave" };
const healthy: TargetFacts = {
  target,
  lacked: [],
  report,
  waiting: "",
  joined: true,
  connected: true,
  refusal: undefined,
  ahead: "",
};

describe("E72: of an agent that lacks a feature", () => {
  const lacked = ["dependsOn", "sync.drift"] as const;

  it("a target that needs it is never current, whatever was reported before", () => {
    expect(assessTarget({ ...healthy, lacked })).toEqual({
      state: "pending",
      reason: "AgentTooOld",
      message: "the agent does not know dependsOn, sync.drift and keeps what it has: upgrade the agent of dev-1",
    });
    const message = expect.stringContaining("is sent nothing of it: upgrade the agent") as string;
    expect(assessTarget({ ...healthy, lacked, report: undefined })).toMatchObject({ state: "pending", message });
  });

  it("a removal goes on: every agent knows those", () => {
    const removed = { ...target, removal: "left Git" };
    expect(assessTarget({ ...healthy, lacked, target: removed, report: undefined })).toMatchObject({
      state: "deleting",
    });
  });
});

describe("E16: of a target with more objects than a report names", () => {
  const many = (count: number): Pick<Report, "objects"> => ({ objects: Array.from({ length: count }, () => object) });

  it("all are current when the worst are", () => {
    expect(countCurrent(many(5_000), 20_000)).toBe(20_000);
    expect(countCurrent(many(3), 3)).toBe(3);
  });

  it("those that are not named count for nothing when the last that is named is not well", () => {
    const objects = Array.from({ length: 5_000 }, () => ({ ...object, health: "Progressing" as const }));
    expect(countCurrent({ objects }, 20_000)).toBe(0);
  });

  it("what is on its way out is none of them", () => {
    const leaving = { ...object, apply: "pruning" as const, health: "Terminating" as const };
    expect(countCurrent({ objects: [leaving, ...many(4_999).objects] }, 20_000)).toBe(20_000);
  });
});

describe("state of a target", () => {
  it("says which command lets held deletions happen", () => {
    expect(assessTarget({ ...healthy, report: { ...report, heldPrune } }).message).toBe(
      "12 deletions wait for confirmation (ManyLeave): drover sync web@dev-1 --confirm-prune",
    );
  });

  it("E51: says what blocks a removal, and why it is removed as long as nothing does", () => {
    const removed = { ...healthy, target: { ...target, removal: "no longer declared" } };
    const message = "ConfigMap shop/a: it is being deleted and waits for finalizers: x";
    const blocked = { ...report, phase: "removing", reason: "Deleting", message } as const;
    expect(assessTarget({ ...removed, report: blocked })).toEqual({ state: "deleting", reason: "Deleting", message });
    expect(assessTarget({ ...removed, report: { ...blocked, reason: "", message: "" } }).message).toBe(
      "no longer declared",
    );
    expect(assessTarget({ ...removed, report: { ...blocked, heldPrune } }).reason).toBe("PruneHeld");
  });

  it("names the hook that holds a removal, and says which command runs it again", () => {
    const message = "Job shop/drain: JobFailed; it is run again when the removal is confirmed";
    const hookHeld = { digest: "sha256:cd", objects: 1, reason: "HookFailed" };
    const failed = { ...report, phase: "removing", reason: "HookFailed", message, heldPrune: hookHeld } as const;
    expect(assessTarget({ ...healthy, target: { ...target, removal: "no longer declared" }, report: failed })).toEqual({
      state: "deleting",
      reason: "HookFailed",
      message: `${message}: drover sync web@dev-1 --confirm-prune`,
    });
  });

  it.each<[string, Partial<TargetFacts>, string, string]>([
    ["E80: all well", {}, "current", ""],
    ["never joined", { joined: false, report: undefined }, "pending", "ClusterNotJoined"],
    ["E78, R32: silent although last seen healthy", { connected: false }, "offline", "AgentDisconnected"],
    ["ahead of the hub", { ahead: "its agent is further" }, "pending", "HubBehind"],
    ["E80: refused", { refusal: { code: "signature_invalid", message: "unknown key" } }, "failed", "AssignmentRefused"],
    ["to be removed", { target: { ...target, removal: "unselected" } }, "deleting", "Removing"],
    ["deletions held", { report: { ...report, heldPrune } }, "pending", "PruneHeld"],
    [
      "deletions held, and something worse",
      { report: { ...report, heldPrune, health: "Failed", reason: "CrashLoopBackOff" } },
      "degraded",
      "CrashLoopBackOff",
    ],
    ["E80: a change waits for its turn", { waiting: "waits for wave canary" }, "pending", "WaitingForRollout"],
    [
      "a change waits, and what runs is broken",
      { waiting: "waits", report: { ...report, phase: "failed", reason: "Invalid" } },
      "failed",
      "Invalid",
    ],
    ["no report yet", { report: undefined }, "progressing", "Distributing"],
    ["E32: report is of an older bundle", { report: { ...report, bundle: "b0" } }, "progressing", "Distributing"],
    ["applying", { report: { ...report, phase: "applying" } }, "progressing", "Applying"],
    ["E80: apply failed", { report: { ...report, phase: "failed", reason: "Invalid" } }, "failed", "Invalid"],
    ["health progressing", { report: { ...report, health: "Progressing" } }, "progressing", "HealthProgressing"],
    [
      "health failed",
      { report: { ...report, health: "Failed", reason: "ImagePullBackOff" } },
      "degraded",
      "ImagePullBackOff",
    ],
    ["suspended", { report: { ...report, health: "Suspended" } }, "paused", "HealthSuspended"],
    ["health unknown is not healthy", { report: { ...report, health: "Unknown" } }, "progressing", "HealthUnknown"],
  ])("%s", (_name, facts, state, reason) => {
    expect(assessTarget({ ...healthy, ...facts })).toMatchObject({ state, reason });
  });

  it("is drifted only while a drift is not repaired, and names field and manager", () => {
    const drift = { paths: ["spec.replicas"], by: "kubectl-edit", foundAtMs: 1, repaired: false };
    const open = { ...report, objects: [{ ...object, drift }] };
    expect(assessTarget({ ...healthy, report: open })).toEqual({
      state: "drifted",
      reason: "Drifted",
      message: "spec.replicas changed by kubectl-edit",
    });
    const repaired = { ...report, objects: [{ ...object, drift: { ...drift, repaired: true } }] };
    expect(assessTarget({ ...healthy, report: repaired }).state).toBe("current");
  });
});

describe("roll-up", () => {
  it("is the worst state, with exact counts", () => {
    expect(rollUp(["current", "progressing", "failed", "current"], "no-targets")).toEqual({
      state: "failed",
      current: 2,
      total: 4,
    });
    expect(rollUp([], "no-targets")).toEqual({ state: "no-targets", current: 0, total: 0 });
  });
});
