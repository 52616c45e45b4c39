import type { Feature } from "@drover/shared/link/features";
import { maxReportedObjects, type Report } from "@drover/shared/link/link";
import { worstState, type ObjectHealth, type TargetState } from "@drover/shared/state";

import { formatTarget, type TargetRecord } from "./target.ts";

export interface TargetFacts {
  readonly target: Pick<TargetRecord, "app" | "cluster" | "bundle" | "removal" | "syncRequest">;
  /** What it needs and the agent does not understand, so that it is not sent. */
  readonly lacked: readonly Feature[];
  /** The newest report of the agent about this target. */
  readonly report: Report | undefined;
  /** Why a change that Git has for it is not released to it yet; "" = there is none. */
  readonly waiting: string;
  readonly joined: boolean;
  readonly connected: boolean;
  /** Set when the agent refused its newest assignments. */
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
  /** Why the cluster is sent nothing; "" = it is. */
  readonly ahead: string;
}

export interface Assessment {
  readonly state: TargetState;
  /** CamelCase and stable; "" when current. */
  readonly reason: string;
  /** One sentence; "" when current. */
  readonly message: string;
}

/** The state of a target. What is not known is never shown as healthy: without a connection the last state is old. */
export function assessTarget(facts: TargetFacts): Assessment {
  const { target, report, refusal } = facts;
  if (!facts.joined) return assess("pending", "ClusterNotJoined", "waits for the cluster's agent to join");
  if (!facts.connected)
    return assess("offline", "AgentDisconnected", "the agent is not connected; last known state kept");
  if (facts.ahead !== "") return assess("pending", "HubBehind", `${facts.ahead}: drover recovery`);
  if (refusal?.code === "cluster_frozen") return assess("paused", "Frozen", refusal.message);
  if (refusal !== undefined) return assess("failed", "AssignmentRefused", `${refusal.code}: ${refusal.message}`);
  if (target.removal !== "") return assessRemoval(target, report);
  if (facts.lacked.length > 0) return assess("pending", "AgentTooOld", describeLacked(facts));
  if (report === undefined || report.bundle !== target.bundle) {
    return assess("progressing", "Distributing", "the agent has not taken this revision yet");
  }
  const held = describeHeld(target, report);
  const assessment = assessReport(report);
  if (assessment.state === "current" && facts.waiting !== "")
    return assess("pending", "WaitingForRollout", facts.waiting);
  // The bundle is there; what it left out is not gone yet, and waits for a person.
  return held !== undefined && assessment.state === "current" ? assess("pending", "PruneHeld", held) : assessment;
}

function describeLacked({ target: { cluster }, lacked, report }: TargetFacts): string {
  const kept = report === undefined ? "is sent nothing of it" : "keeps what it has";
  return `the agent does not know ${lacked.join(", ")} and ${kept}: upgrade the agent of ${cluster}`;
}

/** What blocks a removal is the agent's to tell; before that only why it is removed is known. */
function assessRemoval(target: TargetFacts["target"], report: Report | undefined): Assessment {
  if (report?.phase !== "removing") return assess("deleting", "Removing", target.removal);
  const held = describeHeld(target, report);
  if (held !== undefined)
    return assess("deleting", report.heldPrune?.reason === "HookFailed" ? "HookFailed" : "PruneHeld", held);
  return assess("deleting", report.reason || "Removing", report.message || target.removal);
}

function describeHeld(target: TargetFacts["target"], { heldPrune, message }: Report): string | undefined {
  if (heldPrune === undefined) return undefined;
  const { objects, reason } = heldPrune;
  const command = `drover sync ${formatTarget(target)} --confirm-prune`;
  if (reason === "HookFailed") return `${message}: ${command}`;
  const what = objects === 1 ? "1 deletion waits" : `${objects} deletions wait`;
  return `${what} for confirmation (${reason}): ${command}`;
}

/** What waits for people of the cluster. */
const waiting: Readonly<Record<string, TargetState>> = { Frozen: "paused", AwaitingSignatures: "pending" };

function assessReport(report: Report): Assessment {
  switch (report.phase) {
    case "applying":
      return assess(waiting[report.reason] ?? "progressing", report.reason || "Applying", report.message);
    case "failed":
      return assess("failed", report.reason || "ApplyFailed", report.message);
    case "removing":
    case "removed":
      return assess("deleting", report.reason || "Removing", report.message);
    case "applied": {
      const drifted = report.objects.find((object) => object.drift !== undefined && !object.drift.repaired);
      if (drifted !== undefined) {
        const drift = drifted.drift;
        const what = drift === undefined || drift.paths.length === 0 ? "deleted" : `${drift.paths.join(", ")} changed`;
        return assess("drifted", "Drifted", `${what} by ${drift?.by || "somebody"}`);
      }
      return healthAssessment(report);
    }
  }
}

const stateOfHealth: Readonly<Record<ObjectHealth, TargetState>> = {
  Current: "current",
  Progressing: "progressing",
  Terminating: "progressing",
  NotFound: "progressing",
  Suspended: "paused",
  Degraded: "degraded",
  Failed: "degraded",
  Unknown: "progressing",
};

function healthAssessment(report: Report): Assessment {
  const state = stateOfHealth[report.health];
  if (state === "current") return assess("current", "", "");
  const worst = report.objects.find((object) => object.health === report.health);
  return assess(
    state,
    report.reason || worst?.reason || `Health${report.health}`,
    report.message || worst?.message || `health is ${report.health}`,
  );
}

function assess(state: TargetState, reason: string, message: string): Assessment {
  return { state, reason, message };
}

/** How many of a target's objects are current. A report that leaves objects out leaves out the best: when the last that it names is well, so are they. */
export function countCurrent({ objects }: Pick<Report, "objects">, total: number): number {
  const current = objects.filter(({ health }) => health === "Current").length;
  const last = objects.at(-1);
  const isWell = last?.apply === "applied" && last.health === "Current";
  if (objects.length < maxReportedObjects || !isWell) return current;
  const leaving = objects.filter(
    ({ apply }) => apply !== "applied" && apply !== "pending" && apply !== "failed",
  ).length;
  return current + Math.max(0, total - (objects.length - leaving));
}

export interface Rollup {
  readonly state: TargetState;
  readonly current: number;
  readonly total: number;
}

/** The state of many targets: the worst, and how many are current. */
export function rollUp(states: readonly TargetState[], none: TargetState): Rollup {
  return {
    state: worstState(states, none),
    current: states.filter((state) => state === "current").length,
    total: states.length,
  };
}
