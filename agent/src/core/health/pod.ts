import { numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { conditionOf, current, forAWhile, progressing, verdict, type LiveCondition, type Verdict } from "./verdict.ts";

/** A scheduler that has found no node for this long waits for something to change. */
const schedulingMs = 15_000;

export function assessPod(object: JsonRecord): Verdict {
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded") return current;
  if (phase === "Failed") {
    return assessEnded(object);
  }
  const trouble = containerTrouble(object);
  if (trouble !== undefined) return trouble;
  const scheduled = conditionOf(object, "PodScheduled");
  if (scheduled?.status === "False") return assessUnscheduled(scheduled);
  if (phase === "Running") {
    if (isOneOff(object)) {
      return progressing("Running", "the pod has not finished yet");
    }
    if (conditionOf(object, "Ready")?.status === "True") return current;
    return restarted(object) ?? progressing("NotReady", "a container is not ready");
  }
  return progressing(phase ?? "Pending", "the pod has not started yet");
}

/** What the kubelet says of the pod (`Evicted`), else how its first failed container ended. */
function assessEnded(object: JsonRecord): Verdict {
  const reason = textAt(object, "status", "reason");
  if (reason !== undefined) return verdict("Failed", reason, textAt(object, "status", "message") ?? "the pod failed");
  const failed = statusesOf(object).find(
    (each) => (numberAt(each.status, "state", "terminated", "exitCode") ?? 0) !== 0,
  );
  if (failed === undefined) return verdict("Failed", "PodFailed", "the pod ended with a failure");
  const ended = recordAt(failed.status, "state", "terminated");
  return verdict("Failed", textAt(ended, "reason") ?? "Error", `${failed.name} ended${exitOf(ended)}`);
}

function assessUnscheduled({ reason, message }: LiveCondition): Verdict {
  const waiting = progressing(reason || "Unschedulable", message);
  // A gate is somebody's wish, and no failure however long it lasts.
  if (waiting.reason !== "Unschedulable") return waiting;
  return forAWhile(waiting, schedulingMs, verdict("Degraded", waiting.reason, message));
}

/** Waiting reasons that stand for a failure rather than for a start in progress: `ErrImagePull`, `CrashLoopBackOff` … */
const failing = /^(?:Err\w*|\w*Error|\w*BackOff|\w*Invalid\w*)$/u;

/** Why a container of the pod does not run, init containers first, or undefined. */
function containerTrouble(pod: JsonRecord): Verdict | undefined {
  for (const { name, status } of statusesOf(pod)) {
    const waiting = recordAt(status, "state", "waiting");
    const reason = textAt(waiting, "reason") ?? "";
    if (!failing.test(reason)) continue;
    return verdict(
      reason === "CrashLoopBackOff" ? "Failed" : "Degraded",
      reason,
      `${name}: ${textAt(waiting, "message") ?? reason}${lastExit(status)}`,
    );
  }
  return undefined;
}

function statusesOf(pod: JsonRecord): readonly { readonly name: string; readonly status: JsonRecord }[] {
  const named = (list: string, what: string) =>
    recordsAt(pod, "status", list).map((status) => ({ name: `${what} ${textAt(status, "name") ?? ""}`, status }));
  return [...named("initContainerStatuses", "init container"), ...named("containerStatuses", "container")];
}

/** A container that is not ready and has ended before is not starting, it is failing. */
function restarted(pod: JsonRecord): Verdict | undefined {
  const status = recordsAt(pod, "status", "containerStatuses").find(
    (each) => each["ready"] !== true && recordAt(each, "lastState", "terminated") !== undefined,
  );
  if (status === undefined) return undefined;
  return verdict(
    "Degraded",
    "Restarted",
    `container ${textAt(status, "name") ?? ""} ended${exitOf(recordAt(status, "lastState", "terminated"))}`,
  );
}

function lastExit(status: JsonRecord): string {
  const ended = recordAt(status, "lastState", "terminated");
  return ended === undefined ? "" : `; it last ended${exitOf(ended)}`;
}

/** ` with exit 137 (OOMKilled)` */
export function exitOf(ended: JsonRecord | undefined): string {
  const code = numberAt(ended, "exitCode");
  return code === undefined ? "" : ` with exit ${code} (${textAt(ended, "reason") ?? "Unknown"})`;
}

function isOneOff(pod: JsonRecord): boolean {
  const policy = textAt(pod, "spec", "restartPolicy");
  return policy === "Never" || policy === "OnFailure";
}
