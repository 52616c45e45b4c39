import { numberAt, recordAt, recordsAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { mergeConditions, type Condition } from "./client.ts";

type Facts = {
  /** The ReplicaSet of the present template. */
  readonly current: KubeObject | undefined;
  readonly all: readonly KubeObject[];
  readonly nowMs: number;
};

type Counts = {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly unavailableReplicas: number;
};

export function deploymentStatus(deployment: KubeObject, facts: Facts): JsonRecord {
  const counts = countsOf(deployment, facts);
  const now = new Date(facts.nowMs).toISOString().replace(/\.\d+Z$/u, "Z");
  const former = withProgress(deployment, counts, now);
  const wanted = [availability(deployment, counts), progress(deployment, { counts, former, facts })];
  const conditions = mergeConditions(former, wanted, { now, hasUpdateTime: true });
  const shown = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
  return { observedGeneration: deployment.metadata.generation ?? 1, ...shown, conditions };
}

/** How long until a Deployment that makes no progress misses its deadline; undefined when it is not waiting. */
export function untilDeadline(deployment: KubeObject, nowMs: number): number | undefined {
  const condition = progressCondition(recordsAt(deployment, "status", "conditions"));
  if (condition?.["reason"] !== "ReplicaSetUpdated") return undefined;
  return Math.max(1, deadlineOf(deployment, condition) - nowMs);
}

export function replicasOf(object: KubeObject): number {
  return numberAt(object, "spec", "replicas") ?? 1;
}

/** maxSurge rounds up and maxUnavailable down; both zero would stand still, so then one may be unavailable. */
export function limit(deployment: KubeObject, name: "maxSurge" | "maxUnavailable"): number {
  const replicas = replicasOf(deployment);
  const amount = (field: string, round: (value: number) => number): number => {
    const value = recordAt(deployment, "spec", "strategy", "rollingUpdate")?.[field];
    if (typeof value === "number") return value;
    return typeof value === "string" ? round((Number.parseFloat(value) / 100) * replicas) : 0;
  };
  const surge = amount("maxSurge", Math.ceil);
  if (name === "maxSurge") return surge;
  const unavailable = Math.min(replicas, amount("maxUnavailable", Math.floor));
  return surge === 0 && unavailable === 0 ? 1 : unavailable;
}

function countsOf(deployment: KubeObject, { current, all }: Facts): Counts {
  const sum = (field: string): number => all.reduce((total, set) => total + (numberAt(set, "status", field) ?? 0), 0);
  const replicas = sum("replicas");
  const availableReplicas = sum("availableReplicas");
  return {
    replicas,
    updatedReplicas: numberAt(current, "status", "replicas") ?? 0,
    readyReplicas: sum("readyReplicas"),
    availableReplicas,
    unavailableReplicas: Math.max(0, Math.max(replicasOf(deployment), replicas) - availableReplicas),
  };
}

/** The former conditions; what has changed since counts as progress and restarts the deadline. */
function withProgress(deployment: KubeObject, counts: Counts, now: string): JsonRecord[] {
  const former = recordsAt(deployment, "status", "conditions");
  const hasProgressed =
    numberAt(deployment, "status", "observedGeneration") !== deployment.metadata.generation ||
    (["updatedReplicas", "availableReplicas"] as const).some(
      (field) => (numberAt(deployment, "status", field) ?? 0) !== counts[field],
    );
  if (!hasProgressed) return former;
  return former.map((each) =>
    each["type"] === "Progressing" ? { ...each, reason: "ReplicaSetUpdated", lastUpdateTime: now } : each,
  );
}

function availability(deployment: KubeObject, counts: Counts): Condition {
  const isAvailable = counts.availableReplicas >= replicasOf(deployment) - limit(deployment, "maxUnavailable");
  const type = "Available";
  return isAvailable
    ? { type, status: "True", reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability." }
    : {
        type,
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

type Progress = { readonly counts: Counts; readonly former: readonly JsonRecord[]; readonly facts: Facts };

function progress(deployment: KubeObject, { counts, former, facts }: Progress): Condition {
  const type = "Progressing";
  const name = facts.current?.metadata.name ?? "";
  const wanted = replicasOf(deployment);
  if (recordAt(deployment, "spec")?.["paused"] === true) {
    return { type, status: "Unknown", reason: "DeploymentPaused", message: "Deployment is paused" };
  }
  if (counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas >= wanted) {
    return {
      type,
      status: "True",
      reason: "NewReplicaSetAvailable",
      message: `ReplicaSet "${name}" has successfully progressed.`,
    };
  }
  if (isOverdue(deployment, progressCondition(former), facts.nowMs)) {
    const message = `ReplicaSet "${name}" has timed out progressing.`;
    return { type, status: "False", reason: "ProgressDeadlineExceeded", message };
  }
  return { type, status: "True", reason: "ReplicaSetUpdated", message: `ReplicaSet "${name}" is progressing.` };
}

/** Past its deadline; it stays so until something moves again. */
function isOverdue(deployment: KubeObject, condition: JsonRecord | undefined, nowMs: number): boolean {
  if (condition?.["reason"] === "ProgressDeadlineExceeded") return true;
  return condition?.["reason"] === "ReplicaSetUpdated" && deadlineOf(deployment, condition) <= nowMs;
}

function progressCondition(conditions: readonly JsonRecord[]): JsonRecord | undefined {
  return conditions.find((each) => each["type"] === "Progressing");
}

function deadlineOf(deployment: KubeObject, condition: JsonRecord): number {
  const seconds = numberAt(deployment, "spec", "progressDeadlineSeconds") ?? 600;
  return Date.parse(String(condition["lastUpdateTime"])) + seconds * 1000;
}
