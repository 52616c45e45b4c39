import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { clientFor, jobs, mergeConditions, pods, type Condition, type ObjectClient } from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";
import { isActive, isReady } from "./pods.ts";
import { podFromTemplate } from "./replica-sets.ts";

/** Runs a Job's pods until as many as asked for have succeeded; then removes it if it has a time to live. */
export function jobController(state: ClusterState): Controller {
  const client = clientFor(state, jobs, "kube-controller-manager");
  const podClient = clientFor(state, pods, "kube-controller-manager");
  return {
    name: "jobs",
    watches: { "batch/jobs": itself, "/pods": ownerOf("Job") },
    reconcile: (key) => {
      const job = client.get(key);
      if (job === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
      if (conditionIs(job, "Complete") || conditionIs(job, "Failed")) return expire(state, client, job);
      const owned = (): KubeObject[] => podClient.list(job.metadata.namespace).filter(ownedBy(job));
      if (recordAt(job, "spec")?.["suspend"] === true) {
        for (const pod of owned().filter(isActive)) podClient.remove(pod);
      } else start(podClient, job, owned());
      client.updateStatus(job, statusOf(job, owned(), timestamp(state.clock)));
      return undefined;
    },
  };
}

function conditionIs(job: KubeObject, type: string): boolean {
  return recordsAt(job, "status", "conditions").some((each) => each["type"] === type && each["status"] === "True");
}

function completionsOf(job: KubeObject): number {
  return numberAt(job, "spec", "completions") ?? numberAt(job, "spec", "parallelism") ?? 1;
}

function succeeded(pod: KubeObject): boolean {
  return textAt(pod, "status", "phase") === "Succeeded";
}

function hasFailed(pod: KubeObject): boolean {
  return textAt(pod, "status", "phase") === "Failed";
}

function isOutOfRetries(job: KubeObject, owned: readonly KubeObject[]): boolean {
  return owned.filter(hasFailed).length > (numberAt(job, "spec", "backoffLimit") ?? 6);
}

function start(client: ObjectClient, job: KubeObject, owned: readonly KubeObject[]): void {
  if (isOutOfRetries(job, owned)) return;
  const remaining = completionsOf(job) - owned.filter(succeeded).length;
  const wanted = Math.min(remaining, numberAt(job, "spec", "parallelism") ?? 1);
  for (let i = owned.filter(isActive).length; i < wanted; i += 1) client.create(podFromTemplate(job));
}

function statusOf(job: KubeObject, owned: readonly KubeObject[], now: string): JsonRecord {
  const active = owned.filter(isActive);
  const done = owned.filter(succeeded).length;
  const isSuspended = recordAt(job, "spec")?.["suspend"] === true;
  const failed = owned.filter(hasFailed).length;
  const isComplete = !isSuspended && done >= completionsOf(job);
  const isFailed = !isSuspended && isOutOfRetries(job, owned);
  const former = recordAt(job, "status") ?? {};
  const conditions = mergeConditions(
    recordsAt(former, "conditions"),
    conditionsOf({ isSuspended, isComplete, isFailed, wasSuspended: conditionIs(job, "Suspended") }),
    { now, hasUpdateTime: false },
  );
  const startTime = isSuspended ? undefined : (textAt(former, "startTime") ?? now);
  return {
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(startTime === undefined ? {} : { startTime }),
    ...(isComplete ? { completionTime: now } : {}),
    ...(active.length > 0 ? { active: active.length } : {}),
    ...(done > 0 ? { succeeded: done } : {}),
    ...(failed > 0 ? { failed } : {}),
    ready: active.filter(isReady).length,
    terminating: 0,
    uncountedTerminatedPods: {},
  };
}

type JobFacts = {
  readonly isSuspended: boolean;
  readonly isComplete: boolean;
  readonly isFailed: boolean;
  readonly wasSuspended: boolean;
};

function conditionsOf(facts: JobFacts): Condition[] {
  if (facts.isSuspended)
    return [{ type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" }];
  const resumed: Condition[] = facts.wasSuspended
    ? [{ type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" }]
    : [];
  if (facts.isFailed) {
    const limit = {
      status: "True",
      reason: "BackoffLimitExceeded",
      message: "Job has reached the specified backoff limit",
    } as const;
    return [...resumed, { type: "FailureTarget", ...limit }, { type: "Failed", ...limit }];
  }
  if (!facts.isComplete) return resumed;
  const reason = "CompletionsReached";
  const message = "Reached expected number of succeeded pods";
  return [
    ...resumed,
    { type: "SuccessCriteriaMet", status: "True", reason, message },
    { type: "Complete", status: "True", reason, message },
  ];
}

/** Deletes a finished Job once its time to live is over; returns how long that still takes. */
function expire(state: ClusterState, client: ObjectClient, job: KubeObject): number | undefined {
  const ttlSeconds = numberAt(job, "spec", "ttlSecondsAfterFinished");
  const ended = recordsAt(job, "status", "conditions").find(
    (each) => each["type"] === "Complete" || each["type"] === "Failed",
  );
  const completed = textAt(ended, "lastTransitionTime");
  if (ttlSeconds === undefined || completed === undefined) return undefined;
  const remainingMs = Date.parse(completed) + ttlSeconds * 1000 - state.clock.now();
  if (remainingMs > 0) return remainingMs;
  client.remove(job);
  return undefined;
}
