import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { recordAt, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { clientFor, mergeConditions, pods, type Condition } from "./client.ts";
import { itself, type Controller } from "./controller.ts";

/** Name of the one node, which every pod runs on. */
export const nodeName = "node-1";

const nodeAddress = "127.0.0.1";

/**
 * Scheduler and kubelet in one. A pod is bound at once and ready after the delay; a pod of a Job has succeeded after
 * it. An image of a registry under `.invalid`, or with the tag `missing`, can never be pulled; the containers of one
 * with the tag `crashing` fail.
 */
export function podController(state: ClusterState): Controller {
  const client = clientFor(state, pods, "kubelet");
  const dueAt = new Map<string, number>();
  let addresses = 0;

  const nextAddress = (): string => {
    addresses += 1;
    return `10.1.${(addresses >>> 8) & 255}.${addresses & 255}`;
  };
  const bind = (pod: KubeObject): void => {
    const spec = { ...recordAt(pod, "spec"), nodeName };
    client.update(pod, { ...pod, spec });
  };
  const reconcile = (key: string): number | undefined => {
    const pod = client.get(key);
    if (pod === undefined) return undefined;
    const uid = pod.metadata.uid ?? "";
    if (pod.metadata.deletionTimestamp !== undefined) {
      dueAt.delete(uid);
      // The containers have ended: nothing but finalizers holds the pod any longer.
      client.remove(pod, { gracePeriodSeconds: 0 });
      return undefined;
    }
    const phase = textAt(pod, "status", "phase");
    if (phase === "Succeeded" || phase === "Failed" || isReady(pod) || isStuck(pod)) return undefined;
    if (textAt(pod, "spec", "nodeName") === undefined) {
      bind(pod);
      return undefined;
    }
    const due = dueAt.get(uid) ?? state.clock.now() + state.settings.readyDelayMs;
    dueAt.set(uid, due);
    const waitMs = due - state.clock.now();
    const podIP = textAt(pod, "status", "podIP") ?? nextAddress();
    const podState = waitMs > 0 ? "creating" : endState(pod);
    client.updateStatus(pod, statusOf(pod, { state: podState, now: timestamp(state.clock), podIP }));
    if (waitMs <= 0) dueAt.delete(uid);
    return waitMs > 0 ? waitMs : undefined;
  };
  return { name: "pods", watches: { "/pods": itself }, reconcile };
}

/** Waits for what will never come: an image, or a container that does not crash. */
function isStuck(pod: KubeObject): boolean {
  const reasons = recordsAt(pod, "status", "containerStatuses").map((each) =>
    textAt(each, "state", "waiting", "reason"),
  );
  const wanted = waitingReasons[endState(pod)];
  return wanted !== undefined && reasons.includes(wanted);
}

type PodState = "creating" | "unpullable" | "crashing" | "running" | "succeeded" | "failed";

const waitingReasons: Readonly<Partial<Record<PodState, string>>> = {
  unpullable: "ImagePullBackOff",
  crashing: "CrashLoopBackOff",
};

/** What becomes of a pod, which its images and its owner decide. */
function endState(pod: KubeObject): PodState {
  const images = recordsAt(pod, "spec", "containers").map((container) => textAt(container, "image") ?? "");
  const crashes = images.some((image) => image.endsWith(":crashing"));
  const runsOnce = textAt(pod, "spec", "restartPolicy") !== "Always";
  const ofJob = (pod.metadata.ownerReferences ?? []).some((owner) => owner.kind === "Job");
  if (images.some(isUnpullable)) return "unpullable";
  if (crashes) return runsOnce ? "failed" : "crashing";
  return ofJob && runsOnce ? "succeeded" : "running";
}

function isUnpullable(image: string): boolean {
  const host = image.includes("/") ? (image.split("/")[0] ?? "") : "";
  return image.endsWith(":missing") || /(^|\.)invalid(:\d+)?$/u.test(host);
}

const phases: Readonly<Record<PodState, string>> = {
  creating: "Pending",
  unpullable: "Pending",
  crashing: "Running",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
};

function statusOf(pod: KubeObject, facts: { state: PodState; now: string; podIP: string }): JsonRecord {
  const { state, now, podIP } = facts;
  const former = recordAt(pod, "status") ?? {};
  const ready = state === "running";
  const hasRun = state !== "creating" && state !== "unpullable";
  const status = ready ? "True" : "False";
  const reason = ready
    ? ""
    : state === "succeeded"
      ? "PodCompleted"
      : state === "failed"
        ? "PodFailed"
        : "ContainersNotReady";
  const wanted: Condition[] = [
    { type: "Initialized", status: "True", reason: "", message: "" },
    { type: "Ready", status, reason, message: "" },
    { type: "ContainersReady", status, reason, message: "" },
    { type: "PodScheduled", status: "True", reason: "", message: "" },
  ];
  const conditions = mergeConditions(withEmptyTexts(recordsAt(former, "conditions")), wanted, {
    now,
    hasUpdateTime: false,
  });
  return {
    ...former,
    phase: phases[state],
    conditions: conditions.map(dropEmptyTexts),
    hostIP: nodeAddress,
    ...(hasRun ? { podIP, podIPs: [{ ip: podIP }] } : {}),
    startTime: former["startTime"] ?? now,
    containerStatuses: recordsAt(pod, "spec", "containers").map((container) =>
      containerStatus(container, state, former, now),
    ),
  };
}

function withEmptyTexts(conditions: readonly JsonRecord[]): JsonRecord[] {
  return conditions.map((condition) => ({ reason: "", message: "", ...condition }));
}

function dropEmptyTexts(condition: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(condition).filter(([, value]) => value !== ""));
}

function containerStatus(container: JsonRecord, state: PodState, former: JsonRecord, now: string): JsonRecord {
  const name = textAt(container, "name") ?? "";
  const image = textAt(container, "image") ?? "";
  const before = recordsAt(former, "containerStatuses").find((each) => each["name"] === name);
  const startedAt = textAt(before, "state", "running", "startedAt") ?? now;
  const failure = { exitCode: 1, reason: "Error", startedAt, finishedAt: now };
  const states: Record<PodState, JsonRecord> = {
    creating: { waiting: { reason: "ContainerCreating" } },
    unpullable: { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}"` } },
    crashing: { waiting: { reason: "CrashLoopBackOff", message: `back-off restarting failed container ${name}` } },
    running: { running: { startedAt } },
    succeeded: { terminated: { exitCode: 0, reason: "Completed", startedAt, finishedAt: now } },
    failed: { terminated: failure },
  };
  const pulled = state !== "creating" && state !== "unpullable";
  return {
    name,
    image,
    imageID: pulled ? image : "",
    ready: state === "running",
    restartCount: state === "crashing" ? 1 : 0,
    started: state === "running",
    state: states[state],
    lastState: state === "crashing" ? { terminated: failure } : {},
  };
}

export function isReady(pod: KubeObject): boolean {
  const ready = recordsAt(pod, "status", "conditions").find((each) => each["type"] === "Ready");
  return textAt(ready, "status") === "True" && pod.metadata.deletionTimestamp === undefined;
}

/** Counts towards the replicas of its owner. */
export function isActive(pod: KubeObject): boolean {
  const phase = textAt(pod, "status", "phase");
  return phase !== "Succeeded" && phase !== "Failed" && pod.metadata.deletionTimestamp === undefined;
}
