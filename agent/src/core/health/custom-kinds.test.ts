import type { JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";
import { describe, expect, it } from "vitest";

import { mayBeReported } from "./custom-resource.ts";
import { assess } from "./index.ts";
import { verdictAfter, verdictGiven } from "./verdict.ts";

type Row = readonly [kind: string, what: string, object: JsonRecord, health: ObjectHealth, reason?: string];

const metadata = { generation: 2 };

function condition(type: string, status: string, rest: JsonRecord = {}): JsonRecord {
  return { type, status, reason: "", message: `${type} is ${status}`, ...rest };
}

function having(...conditions: readonly JsonRecord[]): JsonRecord {
  return { metadata, status: { conditions } };
}

const route = "gateway.networking.k8s.io/HTTPRoute";
const gateway = "gateway.networking.k8s.io/Gateway";
const certificate = "cert-manager.io/Certificate";
const bucket = "s3.aws.upbound.io/Bucket";
const aws = "s3.services.k8s.aws/Bucket";
const kustomization = "kustomize.toolkit.fluxcd.io/Kustomization";

function routed(...parents: readonly (readonly JsonRecord[])[]): JsonRecord {
  const parentRefs = [{ name: "edge" }];
  return { metadata, spec: { parentRefs }, status: { parents: parents.map((conditions) => ({ conditions })) } };
}

const accepted = condition("Accepted", "True", { observedGeneration: 2 });
const resolved = condition("ResolvedRefs", "True");
const programmed = condition("Programmed", "True");
const refused = condition("Accepted", "False", { reason: "NoMatchingParent" });
const unresolved = condition("ResolvedRefs", "False", { reason: "BackendNotFound" });
const unprogrammed = condition("Programmed", "False");
const gated = { reason: "SchedulingGated" };
const noScale = condition("AbleToScale", "False", { reason: "FailedGetScale" });
const definition = "apiextensions.k8s.io/CustomResourceDefinition";
const connector = "sql.cnrm.cloud.google.com/SQLInstance";
const listeners = [
  { name: "https", conditions: [condition("ResolvedRefs", "False", { reason: "InvalidCertificate" })] },
];

const builtIn: readonly Row[] = [
  ["/ReplicationController", "one pod short", { spec: { replicas: 1 }, status: { replicas: 1 } }, "Progressing"],
  ["/ReplicationController", "a pod refused", having(condition("ReplicaFailure", "True")), "Degraded"],
  ["/PersistentVolume", "bound", { status: { phase: "Bound" } }, "Current"],
  ["/PersistentVolume", "released", { status: { phase: "Released" } }, "Degraded", "Released"],
  ["/PersistentVolume", "failed", { status: { phase: "Failed" } }, "Degraded", "Failed"],
  ["/ResourceQuota", "not observed", { spec: { hard: { pods: "3" } } }, "Progressing", "NotObserved"],
  ["/ResourceQuota", "observed", { spec: { hard: { pods: "3" } }, status: { hard: { pods: "3" } } }, "Current"],
  ["/ResourceQuota", "raised", { spec: { hard: { pods: "4" } }, status: { hard: { pods: "3" } } }, "Progressing"],
  ["apiregistration.k8s.io/APIService", "available", having(condition("Available", "True")), "Current"],
  ["apiregistration.k8s.io/APIService", "not available", having(condition("Available", "False")), "Progressing"],
  ["policy/PodDisruptionBudget", "broken", having(condition("DisruptionAllowed", "False")), "Degraded"],
  ["networking.k8s.io/Ingress", "case 75: without an address", { status: { loadBalancer: {} } }, "Current"],
  ["policy/PodDisruptionBudget", "not looked at", { metadata }, "Progressing", "NotObserved"],
  ["policy/PodDisruptionBudget", "of an old server", { metadata, status: { observedGeneration: 2 } }, "Current"],
  ["autoscaling/HorizontalPodAutoscaler", "not looked at", { metadata }, "Progressing", "NotObserved"],
  ["autoscaling/HorizontalPodAutoscaler", "at its limit", having(condition("ScalingLimited", "True")), "Current"],
  ["autoscaling/HorizontalPodAutoscaler", "whose target is gone", having(noScale), "Progressing", "FailedGetScale"],
  ["autoscaling/HorizontalPodAutoscaler", "of v1, with its target gone", annotated([noScale]), "Progressing"],
  ["networking.k8s.io/Ingress", "strict, without an address", strict({}), "Progressing", "WaitingForAddress"],
  ["networking.k8s.io/Ingress", "strict, with an address", strict({ ingress: [{ ip: "192.0.2.1" }] }), "Current"],
  ["/PersistentVolumeClaim", "bound", { status: { phase: "Bound" } }, "Current"],
  ["/PersistentVolumeClaim", "case 75: pending", { status: { phase: "Pending" } }, "Progressing", "Pending"],
  ["/Namespace", "just made", {}, "Progressing", "NotActive"],
  ["/Namespace", "going", { status: { phase: "Terminating" } }, "Terminating"],
  [definition, "served", having(condition("NamesAccepted", "True"), condition("Established", "True")), "Current"],
  [definition, "not served for a fault", having(condition("Established", "False", { reason: "No" })), "Failed", "No"],
  [definition, "being installed", having(condition("Established", "False", { reason: "Installing" })), "Progressing"],
  [
    definition,
    "without a structural schema",
    having(condition("Established", "True"), condition("NonStructuralSchema", "True")),
    "Degraded",
    "NonStructuralSchema",
  ],
  ["/Pod", "held back by a gate", having(condition("PodScheduled", "False", gated)), "Progressing", "SchedulingGated"],
  ["/Pod", "ended before and not ready", restartedPod(), "Degraded", "Restarted"],
];

const custom: readonly Row[] = [
  [route, "taken, but not in effect yet", routed([accepted, resolved, unprogrammed]), "Progressing"],
  [
    route,
    "with an old look at what it refers to",
    routed([accepted, { ...resolved, observedGeneration: 1 }]),
    "Progressing",
  ],
  ["gateway.networking.k8s.io/TCPRoute", "refused", routed([refused]), "Degraded", "NoMatchingParent"],
  [connector, "carried over", having(condition("Ready", "True", { reason: "UpToDate" })), "Current"],
  [
    connector,
    "being carried over",
    having(condition("Ready", "False", { reason: "Updating" })),
    "Progressing",
    "Updating",
  ],
  [connector, "refused", having(condition("Ready", "False", { reason: "UpdateFailed" })), "Degraded", "UpdateFailed"],
  [connector, "pointing nowhere", having(condition("Ready", "False", { reason: "DependencyNotFound" })), "Degraded"],
  [connector, "not looked at", {}, "Progressing", "NotObserved"],
  ["kafka.strimzi.io/Kafka", "ready", having(condition("Ready", "True")), "Current"],
  [
    "kafka.strimzi.io/Kafka",
    "being made",
    having(condition("NotReady", "True", { reason: "Creating" })),
    "Progressing",
  ],
  [
    "kafka.strimzi.io/Kafka",
    "refused",
    having(condition("NotReady", "True", { reason: "InvalidResource" })),
    "Degraded",
  ],
  ["keda.sh/ScaledObject", "with a status that is not complete", { status: { hpaName: "web" } }, "Progressing"],
  ["external-secrets.io/ExternalSecret", "synced", having(condition("Ready", "True")), "Current"],
  ["external-secrets.io/ExternalSecret", "not synced", having(condition("Ready", "False")), "Progressing"],
  ["postgresql.cnpg.io/Cluster", "ready", having(condition("Ready", "True")), "Current"],
  ["serving.knative.dev/Service", "rolling out", having(condition("Ready", "Unknown")), "Progressing"],
  ["snapshot.storage.k8s.io/VolumeSnapshot", "being taken", {}, "Progressing"],
  ["snapshot.storage.k8s.io/VolumeSnapshot", "taken", { status: { readyToUse: true } }, "Current"],
  ["snapshot.storage.k8s.io/VolumeSnapshot", "refused", { status: { error: { message: "full" } } }, "Degraded"],
  [gateway, "programmed", having(accepted, programmed), "Current"],
  [gateway, "not looked at", having(condition("Accepted", "Unknown", { reason: "Pending" })), "Progressing", "Pending"],
  [gateway, "without an address", having(accepted, condition("Programmed", "False")), "Progressing"],
  [
    gateway,
    "a listener without its certificate",
    { status: { conditions: [accepted, programmed], listeners } },
    "Degraded",
  ],
  [route, "taken by nobody", routed(), "Progressing", "NotObserved"],
  [route, "taken", routed([accepted, resolved]), "Current"],
  [route, "refused by one of two parents", routed([accepted, resolved], [refused]), "Degraded", "NoMatchingParent"],
  [route, "without its backend", routed([accepted, unresolved]), "Degraded", "BackendNotFound"],
  [route, "with an old answer", routed([{ ...refused, observedGeneration: 1 }]), "Progressing", "NotObserved"],
  ["gateway.networking.k8s.io/GRPCRoute", "refused", routed([refused]), "Degraded"],
  [certificate, "not seen", {}, "Progressing"],
  [certificate, "ready", having(condition("Ready", "True")), "Current"],
  [certificate, "being renewed", having(condition("Ready", "True"), condition("Issuing", "True")), "Progressing"],
  [certificate, "refused", having(condition("Ready", "False")), "Degraded"],
  ["cert-manager.io/Issuer", "ready", having(condition("Ready", "True")), "Current"],
  ["cert-manager.io/ClusterIssuer", "not registered", having(condition("Ready", "False")), "Degraded"],
  [kustomization, "at work", having(condition("Reconciling", "True"), condition("Ready", "Unknown")), "Progressing"],
  [kustomization, "stalled", having(condition("Stalled", "True"), condition("Ready", "False")), "Failed"],
  [kustomization, "done", having(condition("Ready", "True", { observedGeneration: 2 })), "Current"],
  ["argoproj.io/Application", "not seen", {}, "Progressing"],
  ["argoproj.io/Application", "degraded", { status: { health: { status: "Degraded" } } }, "Degraded", "Degraded"],
  ["argoproj.io/Application", "healthy", { status: { health: { status: "Healthy" } } }, "Current"],
  ["argoproj.io/Rollout", "paused", { status: { phase: "Paused" } }, "Suspended"],
  [
    "argoproj.io/Rollout",
    "old answer",
    { metadata, status: { phase: "Healthy", observedGeneration: "1" } },
    "Progressing",
  ],
  ["argoproj.io/Rollout", "healthy", { metadata, status: { phase: "Healthy", observedGeneration: "2" } }, "Current"],
  ["argoproj.io/Workflow", "failed", { status: { phase: "Error" } }, "Failed"],
  ["argoproj.io/Workflow", "a phase of tomorrow", { status: { phase: "constructor" } }, "Unknown"],
  [bucket, "synced, nothing more", having(condition("Synced", "True")), "Progressing"],
  [bucket, "synced and ready", having(condition("Synced", "True"), condition("Ready", "True")), "Current"],
  [bucket, "ready, but out of sync", having(condition("Synced", "False"), condition("Ready", "True")), "Degraded"],
  [aws, "being made", having(condition("ACK.ResourceSynced", "False")), "Progressing"],
  [aws, "made", having(condition("ACK.ResourceSynced", "True")), "Current"],
  [aws, "refused for good", having(condition("ACK.Terminal", "True")), "Failed"],
  [
    "cluster.x-k8s.io/Cluster",
    "ready for an older spec",
    having(condition("Ready", "True", { observedGeneration: 1 })),
    "Progressing",
  ],
];

function strict(loadBalancer: JsonRecord): JsonRecord {
  return { metadata: { annotations: { "drover.dev/health": "strict" } }, status: { loadBalancer } };
}

function annotated(conditions: readonly JsonRecord[]): JsonRecord {
  const annotations = { "autoscaling.alpha.kubernetes.io/conditions": JSON.stringify(conditions) };
  return { metadata: { annotations }, status: { currentReplicas: 1 } };
}

function restartedPod(): JsonRecord {
  const lastState = { terminated: { exitCode: 3, reason: "Error" } };
  return { status: { phase: "Running", containerStatuses: [{ name: "web", ready: false, lastState }] } };
}

function keyOf(text: string): { readonly group: string; readonly kind: string } {
  const [group = "", kind = ""] = text.split("/");
  return { group, kind };
}

describe("health of further kinds", () => {
  const rows = [...builtIn, ...custom].map(([kind, what, object, health, reason]) => ({
    kind,
    what,
    object,
    health,
    reason,
  }));

  it.each(rows)("$what ($kind): $health", ({ kind, object, health, reason }) => {
    const verdict = assess(keyOf(kind), object);
    expect(verdict.health).toBe(health);
    if (reason !== undefined) expect(verdict.reason).toBe(reason);
    if (health !== "Current") expect(verdict.reason).not.toBe("");
  });

  it("never throws, whatever shape an object has", () => {
    for (const [kind] of [...builtIn, ...custom]) {
      for (const status of [
        null,
        1,
        "x",
        [],
        { conditions: "x" },
        { parents: [null, {}], listeners: [1], health: 1 },
      ]) {
        const object = { metadata, spec: { parentRefs: [null, {}], hard: status }, status };
        expect(typeof assess(keyOf(kind), object).health).toBe("string");
      }
    }
  });
});

describe("what time alone brings", () => {
  const thing = keyOf("example.org/Thing");

  it("case 74: a custom resource without a status is not ready before its controller had 30 s", () => {
    for (const object of [{}, { status: {} }]) {
      const verdict = assess(thing, object);
      expect(verdict).toMatchObject({ health: "Progressing", reason: "NotObserved" });
      expect(verdictAfter(verdict, 29_999).health).toBe("Progressing");
      expect(verdictAfter(verdict, 30_000)).toMatchObject({ health: "Current", reason: "" });
    }
  });

  it("case 74: one whose kind has no place for a report is current at once", () => {
    const verdict = assess(thing, {});
    expect(verdict.question?.about).toEqual({ what: "never-reported", group: "example.org", kind: "Thing" });
    expect(verdictGiven(verdict, true)).toEqual({ health: "Current", reason: "", message: "" });
    expect(verdictAfter(verdictGiven(verdict, false), 29_999).health).toBe("Progressing");
    expect(verdictAfter(verdictGiven(verdict, false), 30_000).health).toBe("Current");
  });

  const properties = (...names: readonly string[]): JsonRecord => ({
    properties: Object.fromEntries(names.map((name) => [name, {}])),
  });
  const open = { "x-kubernetes-preserve-unknown-fields": true };
  it.each<readonly [what: string, version: JsonRecord, reported: boolean]>([
    ["conditions", schema({ status: properties("conditions") }), true],
    ["an observed generation", schema({ status: properties("observedGeneration") }), true],
    ["other fields alone", schema({ status: properties("phase") }), false],
    ["no status", schema({ spec: {} }), false],
    ["a status that is open", schema({ status: open }), true],
    ["nothing, with a status of its own", { ...schema(undefined, open), subresources: { status: {} } }, true],
    ["nothing and no status of its own", schema(undefined, open), false],
    [
      "conditions in a version that is not served",
      { ...schema({ status: properties("conditions") }), served: false },
      false,
    ],
  ])("case 74: a definition with %s in its schema", (_, version, reported) => {
    expect(mayBeReported({ spec: { versions: [version] } })).toBe(reported);
  });

  it("case 75: a pending claim is in order while its class waits for the first pod, and no pod has come", () => {
    const spec = { storageClassName: "local" };
    const pending = assess(keyOf("/PersistentVolumeClaim"), { spec, status: { phase: "Pending" } });
    expect(pending.question?.about).toEqual({ what: "binds-late", storageClass: "local" });
    expect(verdictGiven(pending, true).health).toBe("Current");
    expect(verdictGiven(pending, false)).toMatchObject({ health: "Progressing", reason: "Pending" });
    const annotations = { "volume.kubernetes.io/selected-node": "node-1" };
    const used = assess(keyOf("/PersistentVolumeClaim"), {
      metadata: { annotations },
      spec,
      status: { phase: "Pending" },
    });
    expect(used).toMatchObject({ health: "Progressing", reason: "Pending" });
    expect(used.question).toBeUndefined();
  });

  it("case 74: an observed custom resource waits for nothing", () => {
    expect(assess(thing, having(condition("Ready", "True")))).toEqual({ health: "Current", reason: "", message: "" });
    const unready = assess(thing, having(condition("Ready", "False")));
    expect(verdictAfter(unready, Number.POSITIVE_INFINITY).health).toBe("Progressing");
  });

  it("gives an autoscaler five minutes to get its first metrics", () => {
    const scaler = having(condition("ScalingActive", "False", { reason: "FailedGetResourceMetric" }));
    const verdict = assess(keyOf("autoscaling/HorizontalPodAutoscaler"), scaler);
    expect(verdictAfter(verdict, 299_999).health).toBe("Progressing");
    expect(verdictAfter(verdict, 300_000)).toMatchObject({ health: "Degraded", reason: "FailedGetResourceMetric" });
  });

  it("finds a pod degraded that no node was found for within 15 s", () => {
    const pod = having(condition("PodScheduled", "False", { reason: "Unschedulable" }));
    const verdict = assess(keyOf("/Pod"), pod);
    expect(verdictAfter(verdict, 14_999).health).toBe("Progressing");
    expect(verdictAfter(verdict, 15_000)).toMatchObject({ health: "Degraded", reason: "Unschedulable" });
  });

  it("case 75: a pending load balancer stays so, unless its class has no controller", () => {
    const balancer = { type: "LoadBalancer" };
    const plain = assess(keyOf("/Service"), { spec: balancer });
    expect(verdictAfter(plain, Number.POSITIVE_INFINITY).health).toBe("Progressing");
    const classed = assess(keyOf("/Service"), { spec: { ...balancer, loadBalancerClass: "example.org/lb" } });
    expect(classed.health).toBe("Progressing");
    expect(verdictAfter(classed, 300_000).health).toBe("Current");
  });
});

function schema(fields: JsonRecord | undefined, rest: JsonRecord = {}): JsonRecord {
  const openAPIV3Schema = { type: "object", ...(fields === undefined ? {} : { properties: fields }), ...rest };
  return { name: "v1", served: true, schema: { openAPIV3Schema } };
}
