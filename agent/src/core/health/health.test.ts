import { isRecord, type JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";
import { describe, expect, it } from "vitest";

import { assess, needsBody, worstHealth } from "./index.ts";

interface Row {
  readonly what: string;
  readonly kind: string;
  readonly object: JsonRecord;
  readonly health: ObjectHealth;
  readonly reason?: string;
}

const seen = { observedGeneration: 1 };
const meta = { metadata: { generation: 1 } };

function condition(type: string, status: string, reason = ""): JsonRecord {
  return { type, status, reason, message: `${type} is ${status}` };
}

function rollout(spec: JsonRecord, status: JsonRecord): JsonRecord {
  return { ...meta, spec, status: { ...seen, ...status } };
}

const whole = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
const waiting = (reason: string): JsonRecord => ({ name: "web", state: { waiting: { reason, message: "no" } } });

const workloads: readonly Row[] = [
  { what: "all replicas there", kind: "apps/Deployment", object: rollout({ replicas: 3 }, whole), health: "Current" },
  { what: "no status yet", kind: "apps/Deployment", object: { ...meta, spec: { replicas: 0 } }, health: "Progressing" },
  {
    what: "case 73: no replicas wanted",
    kind: "apps/Deployment",
    object: rollout({ replicas: 0 }, {}),
    health: "Current",
  },
  {
    what: "case 73: paused",
    kind: "apps/Deployment",
    object: rollout({ replicas: 3, paused: true }, {}),
    health: "Suspended",
  },
  {
    what: "case 73: past its deadline",
    kind: "apps/Deployment",
    object: rollout({ replicas: 3 }, { conditions: [condition("Progressing", "False", "ProgressDeadlineExceeded")] }),
    health: "Failed",
  },
  {
    what: "case 73: newer than what its controller has seen",
    kind: "apps/Deployment",
    object: { metadata: { generation: 2 }, spec: { replicas: 3 }, status: { ...seen, ...whole } },
    health: "Progressing",
    reason: "NotObserved",
  },
  {
    what: "scaling down",
    kind: "apps/Deployment",
    object: rollout({ replicas: 1 }, whole),
    health: "Progressing",
  },
  {
    what: "all there, with a rollout that its controller has not finished",
    kind: "apps/Deployment",
    object: rollout(
      { replicas: 3, progressDeadlineSeconds: 600 },
      { ...whole, conditions: [condition("Progressing", "True", "ReplicaSetUpdated")] },
    ),
    health: "Progressing",
    reason: "ReplicaSetUpdated",
  },
  {
    what: "all there, with a rollout that its controller has finished",
    kind: "apps/Deployment",
    object: rollout(
      { replicas: 3, progressDeadlineSeconds: 600 },
      { ...whole, conditions: [condition("Progressing", "True", "NewReplicaSetAvailable")] },
    ),
    health: "Current",
  },
  {
    what: "not available",
    kind: "apps/Deployment",
    object: rollout({ replicas: 3 }, { ...whole, conditions: [condition("Available", "False", "Minimum")] }),
    health: "Progressing",
    reason: "Minimum",
  },
  {
    what: "old replicas left",
    kind: "apps/Deployment",
    object: rollout({ replicas: 3 }, { ...whole, replicas: 4 }),
    health: "Progressing",
  },
  {
    what: "a replica that cannot be made",
    kind: "apps/Deployment",
    object: rollout({ replicas: 3 }, { conditions: [condition("ReplicaFailure", "True", "FailedCreate")] }),
    health: "Degraded",
    reason: "FailedCreate",
  },
  {
    what: "case 76: partition 0 with pods of the old revision",
    kind: "apps/StatefulSet",
    object: rollout(
      { replicas: 3, updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } } },
      { ...whole, updatedReplicas: 1, currentRevision: "a", updateRevision: "b" },
    ),
    health: "Progressing",
  },
  {
    what: "partition 2 of 3 with one updated",
    kind: "apps/StatefulSet",
    object: rollout(
      { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
      { ...whole, updatedReplicas: 1, currentRevision: "a", updateRevision: "b" },
    ),
    health: "Current",
  },
  {
    what: "partition 0, every pod updated and one of them not ready",
    kind: "apps/StatefulSet",
    object: rollout({ replicas: 3 }, { ...whole, readyReplicas: 2, currentRevision: "a", updateRevision: "b" }),
    health: "Progressing",
  },
  {
    what: "on delete, with pods of the old revision",
    kind: "apps/StatefulSet",
    object: rollout(
      { replicas: 3, updateStrategy: { type: "OnDelete" } },
      { ...whole, updatedReplicas: 0, currentRevision: "a", updateRevision: "b" },
    ),
    health: "Current",
  },
  {
    what: "ready, but not for as long as it asks",
    kind: "apps/StatefulSet",
    object: rollout({ replicas: 3, minReadySeconds: 5 }, { ...whole, availableReplicas: 2, updateRevision: "a" }),
    health: "Progressing",
  },
  {
    what: "all pods there",
    kind: "apps/ReplicaSet",
    object: rollout({ replicas: 3 }, { ...whole, fullyLabeledReplicas: 3 }),
    health: "Current",
  },
  {
    what: "pods without the newest labels",
    kind: "apps/ReplicaSet",
    object: rollout({ replicas: 3 }, { ...whole, fullyLabeledReplicas: 2 }),
    health: "Progressing",
  },
  { what: "not seen yet", kind: "apps/ReplicaSet", object: { ...meta, spec: { replicas: 0 } }, health: "Progressing" },
  {
    what: "case 71: suspended",
    kind: "batch/Job",
    object: { spec: { suspend: true }, status: { conditions: [condition("Suspended", "True")] } },
    health: "Suspended",
  },
  {
    what: "one revision everywhere",
    kind: "apps/StatefulSet",
    object: rollout({ replicas: 3 }, { ...whole, updatedReplicas: 0, currentRevision: "a", updateRevision: "a" }),
    health: "Current",
  },
  {
    what: "on delete, with pods of the old revision",
    kind: "apps/DaemonSet",
    object: rollout(
      { updateStrategy: { type: "OnDelete" } },
      { desiredNumberScheduled: 2, currentNumberScheduled: 2, numberAvailable: 2, numberReady: 2 },
    ),
    health: "Current",
  },
  {
    what: "a node without its pod",
    kind: "apps/DaemonSet",
    object: rollout({}, { desiredNumberScheduled: 2, currentNumberScheduled: 1 }),
    health: "Progressing",
  },
  { what: "case 71: running", kind: "batch/Job", object: { status: { startTime: "now" } }, health: "Progressing" },
  {
    what: "case 71: resumed",
    kind: "batch/Job",
    object: { status: { conditions: [condition("Suspended", "False")] } },
    health: "Progressing",
  },
  {
    what: "case 71: failed",
    kind: "batch/Job",
    object: { status: { conditions: [condition("Failed", "True", "BackoffLimitExceeded")] } },
    health: "Failed",
  },
  {
    what: "complete",
    kind: "batch/Job",
    object: { status: { conditions: [condition("Complete", "True")] } },
    health: "Current",
  },
  { what: "suspended", kind: "batch/CronJob", object: { spec: { suspend: true } }, health: "Current" },
  {
    what: "whose last run failed",
    kind: "batch/CronJob",
    object: { status: { lastScheduleTime: "2026-01-02T00:00:00Z", lastSuccessfulTime: "2026-01-01T00:00:00Z" } },
    health: "Current",
  },
  { what: "case 72: failed", kind: "/Pod", object: { status: { phase: "Failed" } }, health: "Failed" },
  {
    what: "case 72: an init container in a crash loop",
    kind: "/Pod",
    object: { status: { phase: "Pending", initContainerStatuses: [waiting("CrashLoopBackOff")] } },
    health: "Failed",
    reason: "CrashLoopBackOff",
  },
  {
    what: "being made",
    kind: "/Pod",
    object: { status: { phase: "Pending", containerStatuses: [waiting("ContainerCreating")] } },
    health: "Progressing",
  },
];

const others: readonly Row[] = [
  {
    what: "being deleted",
    kind: "/ConfigMap",
    object: { metadata: { deletionTimestamp: "now" } },
    health: "Terminating",
  },
  { what: "as soon as it is there", kind: "/Secret", object: {}, health: "Current" },
  { what: "case 75: without an address", kind: "networking.k8s.io/Ingress", object: {}, health: "Current" },
  {
    what: "case 75: a load balancer without an address",
    kind: "/Service",
    object: { spec: { type: "LoadBalancer" } },
    health: "Progressing",
  },
  { what: "inside the cluster", kind: "/Service", object: { spec: { type: "ClusterIP" } }, health: "Current" },
  { what: "lost", kind: "/PersistentVolumeClaim", object: { status: { phase: "Lost" } }, health: "Failed" },
  { what: "active", kind: "/Namespace", object: { status: { phase: "Active" } }, health: "Current" },
  {
    what: "not served yet",
    kind: "apiextensions.k8s.io/CustomResourceDefinition",
    object: { status: { conditions: [condition("NamesAccepted", "True")] } },
    health: "Progressing",
  },
  {
    what: "with a name that is taken",
    kind: "apiextensions.k8s.io/CustomResourceDefinition",
    object: { status: { conditions: [condition("NamesAccepted", "False", "Conflict")] } },
    health: "Failed",
  },
  {
    what: "without metrics",
    kind: "autoscaling/HorizontalPodAutoscaler",
    object: { status: { conditions: [condition("ScalingActive", "False", "FailedGetResourceMetric")] } },
    health: "Progressing",
  },
  {
    what: "with a bad reason on a condition that holds",
    kind: "autoscaling/HorizontalPodAutoscaler",
    object: { status: { conditions: [condition("ScalingActive", "True", "FailedGetResourceMetric")] } },
    health: "Current",
  },
  {
    what: "that allows no disruption for want of pods",
    kind: "policy/PodDisruptionBudget",
    object: { status: { conditions: [condition("DisruptionAllowed", "False", "InsufficientPods")] } },
    health: "Current",
  },
  {
    what: "of a kind without conditions",
    kind: "example.org/Thing",
    object: { status: { size: 1 } },
    health: "Current",
  },
  {
    what: "of a foreign kind that is not ready",
    kind: "example.org/Thing",
    object: { status: { conditions: [condition("Ready", "False", "Pending")] } },
    health: "Progressing",
    reason: "Pending",
  },
  {
    what: "of a foreign kind that stalled",
    kind: "example.org/Thing",
    object: { status: { conditions: [condition("Stalled", "True", "BadSpec")] } },
    health: "Failed",
    reason: "BadSpec",
  },
];

function keyOf(text: string): { readonly group: string; readonly kind: string } {
  const [group = "", kind = ""] = text.split("/");
  return { group, kind };
}

describe("health", () => {
  it.each([...workloads, ...others])("$what ($kind): $health", ({ kind, object, health, reason }) => {
    const verdict = assess(keyOf(kind), object);
    expect(verdict.health).toBe(health);
    if (reason !== undefined) expect(verdict.reason).toBe(reason);
  });

  it("says why whenever something is not current", () => {
    for (const { kind, object, health } of [...workloads, ...others]) {
      if (health !== "Current") expect(assess(keyOf(kind), object).reason).not.toBe("");
    }
  });

  it("never throws, whatever shape an object has", () => {
    for (const { kind } of [...workloads, ...others]) {
      for (const status of [null, 1, "x", [], { conditions: "x" }, { conditions: [null, 1, {}] }]) {
        const object = { metadata: null, spec: status, status };
        expect(isRecord(assess(keyOf(kind), object))).toBe(true);
      }
    }
  });

  it("takes the worst of an application's objects", () => {
    expect(worstHealth([])).toBe("Current");
    expect(worstHealth(["Current", "Progressing"])).toBe("Progressing");
    expect(worstHealth(["Progressing", "Failed", "Degraded"])).toBe("Failed");
    expect(worstHealth(["Current", "Unknown"])).toBe("Unknown");
  });

  it("asks for no body of kinds whose health does not show in it", () => {
    expect(needsBody({ group: "", kind: "ConfigMap" })).toBe(false);
    expect(needsBody({ group: "apps", kind: "Deployment" })).toBe(true);
  });
});
