import { numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { conditionOf, current, forAWhile, progressing, verdict, type Verdict } from "./verdict.ts";

/** A scheduler that has found no node for this long waits for something to change. */
const schedulingMs = 15_000;

export function assessPod(object: JsonRecord): Verdict {
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded") return current;
  if (phase === "Failed") {
    const reason = textAt(object, "status", "reason") ?? "PodFailed";
    return verdict("Failed", reason, textAt(object, "status", "message") ?? "the pod ended with a failure");
  }
  const trouble = containerTrouble(object);
  if (trouble !== undefined) return trouble;
  const scheduled = conditionOf(object, "PodScheduled");
  if (scheduled?.status === "False") {
    const reason = scheduled.reason || "Unschedulable";
    const waiting = progressing(reason, scheduled.message);
    return forAWhile(waiting, schedulingMs, verdict("Degraded", reason, scheduled.message));
  }
  if (phase === "Running") {
    if (isOneOff(object)) {
      return progressing("Running", "the pod has not finished yet");
    }
    if (conditionOf(object, "Ready")?.status === "True") return current;
    return restarted(object) ?? progressing("NotReady", "a container is not ready");
  }
  return progressing(phase ?? "Pending", "the pod has not started yet");
}

/** Waiting reasons that stand for a failure rather than for a start in progress: `ErrImagePull`, `CrashLoopBackOff` … */
const failing = /^(?:Err\w*|\w*Error|\w*BackOff|\w*Invalid\w*)$/u;

/** Why a container of the pod does not run, init containers first, or undefined. */
export function containerTrouble(pod: JsonRecord): Verdict | undefined {
  for (const list of ["initContainerStatuses", "containerStatuses"]) {
    for (const status of recordsAt(pod, "status", list)) {
      const waiting = recordAt(status, "state", "waiting");
      const reason = textAt(waiting, "reason") ?? "";
      if (!failing.test(reason)) continue;
      const name = textAt(status, "name") ?? "";
      return verdict(
        reason === "CrashLoopBackOff" ? "Failed" : "Degraded",
        reason,
        `container ${name}: ${textAt(waiting, "message") ?? reason}${lastExit(status)}`,
      );
    }
  }
  return undefined;
}

/** A container that is not ready and has ended before is not starting, it is failing. */
function restarted(pod: JsonRecord): Verdict | undefined {
  const status = recordsAt(pod, "status", "containerStatuses").find(
    (each) => each["ready"] !== true && recordAt(each, "lastState", "terminated") !== undefined,
  );
  if (status === undefined) return undefined;
  return verdict("Degraded", "Restarted", `container ${textAt(status, "name") ?? ""} ended before${lastExit(status)}`);
}

function lastExit(status: JsonRecord): string {
  const ended = recordAt(status, "lastState", "terminated");
  const code = numberAt(ended, "exitCode");
  return code === undefined ? "" : `; last exit ${code} (${textAt(ended, "reason") ?? "Unknown"})`;
}

function isOneOff(pod: JsonRecord): boolean {
  const policy = textAt(pod, "spec", "restartPolicy");
  return policy === "Never" || policy === "OnFailure";
}

/** Why the pods of a workload are not ready, in one sentence about the first that says so; undefined when none does. */
export function explainPods(pods: readonly JsonRecord[]): Pick<Verdict, "reason" | "message"> | undefined {
  let waiting: Pick<Verdict, "reason" | "message"> | undefined;
  for (const pod of pods) {
    const { health, reason, message } = assessPod(pod);
    const about = { reason, message: `pod ${textAt(pod, "metadata", "name") ?? ""}: ${message}` };
    if (health === "Degraded" || health === "Failed") return about;
    if (reason === "Unschedulable") waiting ??= about;
  }
  return waiting;
}
