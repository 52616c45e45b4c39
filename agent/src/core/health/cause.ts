import { at, numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { refusedPods, unmounted, unhealthy } from "./event-text.ts";
import { assessPod, exitOf } from "./pod.ts";
import { conditionOf, type Verdict } from "./verdict.ts";

/** Why a workload is not ready, in words for its object. */
export type Cause = Pick<Verdict, "reason" | "message">;

/** What the pods of a workload say. */
export interface PodsView {
  /** undefined when no pod says anything. */
  readonly cause: Cause | undefined;
  /** A pod of which the events may say more than its status does. */
  readonly askAbout: JsonRecord | undefined;
}

const nothing: PodsView = { cause: undefined, askAbout: undefined };

/** A pod that fails says more than one that waits. Pods that are going say nothing. */
export function explainPods(pods: readonly JsonRecord[]): PodsView {
  let waiting = nothing;
  for (const pod of pods) {
    if (textAt(pod, "metadata", "deletionTimestamp") !== undefined) continue;
    const { health, reason, message } = assessPod(pod);
    if (health === "Current") continue;
    const isFailing = health !== "Progressing";
    if (isFailing) return { cause: about(pod, { reason, message }), askAbout: isKilled(pod) ? pod : undefined };
    if (waiting !== nothing) continue;
    const isScheduled = reason !== "Unschedulable";
    const cause = isScheduled ? explainWaiting(pod) : { reason, message };
    waiting = { cause: cause && about(pod, cause), askAbout: isScheduled ? pod : undefined };
  }
  return waiting;
}

/** The cause with what the events of the pod in question add: why a container is killed, what a start waits for. */
export function withEvents({ cause, askAbout }: PodsView, events: readonly JsonRecord[]): Cause | undefined {
  if (askAbout === undefined) return cause;
  const found = explainEvents(askAbout, events);
  if (found === undefined || cause === undefined) return found ?? cause;
  return isKilled(askAbout) ? { reason: cause.reason, message: `${cause.message}; ${found.message}` } : found;
}

function explainEvents(pod: JsonRecord, events: readonly JsonRecord[]): Cause | undefined {
  for (const event of newestFirst(events)) {
    const reason = textAt(event, "reason") ?? "";
    const text = textAt(event, "message") ?? "";
    if (reason === "Unhealthy")
      return about(pod, { reason: "ProbeFailed", message: `${containerOf(event)}${unhealthy(text)}` });
    if (reason === "FailedMount" || reason === "FailedAttachVolume") {
      return about(pod, { reason, message: unmounted(text) });
    }
    if (reason === "FailedCreatePodSandBox") {
      return about(pod, { reason, message: "the node cannot set up the pod's network or sandbox" });
    }
  }
  return undefined;
}

/** Why there is no pod at all, as the events of the workload tell it. */
export function explainNoPods(events: readonly JsonRecord[]): Cause | undefined {
  const failed = newestFirst(events).find((event) => textAt(event, "reason") === "FailedCreate");
  return failed === undefined
    ? undefined
    : { reason: "FailedCreate", message: refusedPods(textAt(failed, "message") ?? "") };
}

function explainWaiting(pod: JsonRecord): Cause | undefined {
  const starting = recordsAt(pod, "status", "initContainerStatuses").find(
    (status) => numberAt(status, "state", "terminated", "exitCode") !== 0 && status["ready"] !== true,
  );
  if (starting !== undefined && textAt(pod, "status", "phase") === "Pending") {
    const ended = recordAt(starting, "state", "terminated");
    const name = textAt(starting, "name") ?? "";
    const isWaiting = recordAt(starting, "state", "waiting") !== undefined;
    if (ended !== undefined)
      return { reason: "InitContainerFailed", message: `init container ${name} ended${exitOf(ended)}` };
    return isWaiting ? undefined : { reason: "Initializing", message: `init container ${name} has not finished yet` };
  }
  const unready = recordsAt(pod, "status", "containerStatuses").find(
    (status) => status["ready"] !== true && recordAt(status, "state", "running") !== undefined,
  );
  if (unready === undefined || conditionOf(pod, "Ready")?.status === "True") return undefined;
  const name = textAt(unready, "name") ?? "";
  const probe = unready["started"] === false && hasProbe(pod, name, "startupProbe") ? "startup" : "readiness";
  if (!hasProbe(pod, name, `${probe}Probe`)) return undefined;
  return { reason: "ProbeFailed", message: `container ${name}: its ${probe} probe has not succeeded yet` };
}

function hasProbe(pod: JsonRecord, name: string, probe: string): boolean {
  const container = recordsAt(pod, "spec", "containers").find((each) => each["name"] === name);
  return at(container, probe) !== undefined;
}

/** Ended by the kubelet rather than by itself, as when its liveness probe fails. */
function isKilled(pod: JsonRecord): boolean {
  return recordsAt(pod, "status", "containerStatuses").some((status) => {
    const ended = recordAt(status, "lastState", "terminated");
    const code = numberAt(ended, "exitCode");
    return (code === 137 || code === 143) && textAt(ended, "reason") !== "OOMKilled";
  });
}

function newestFirst(events: readonly JsonRecord[]): readonly JsonRecord[] {
  const timeOf = (event: JsonRecord): string => textAt(event, "lastTimestamp") ?? textAt(event, "eventTime") ?? "";
  return events.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)));
}

/** `spec.containers{web}`: what an event is about, as the kubelet writes it. */
function containerOf(event: JsonRecord): string {
  const name = /\{(?<name>[\w.-]+)\}$/u.exec(textAt(event, "involvedObject", "fieldPath") ?? "")?.groups?.["name"];
  return name === undefined ? "" : `container ${name}: `;
}

function about(pod: JsonRecord, { reason, message }: Cause): Cause {
  return { reason, message: `pod ${textAt(pod, "metadata", "name") ?? ""}: ${message}` };
}
