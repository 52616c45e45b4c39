import { ensureRecord, fill, isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "../../json.ts";
import type { KubeObject } from "../../schema/schema.ts";
import { defaultPodSpec } from "./pod.ts";

const rollingDeployment = { maxUnavailable: "25%", maxSurge: "25%" };
const rollingDaemonSet = { maxUnavailable: 1, maxSurge: 0 };

/** The spec of an object, made when absent, with its pod template's defaults applied. */
function specWithTemplate(object: KubeObject): JsonRecord {
  const spec = ensureRecord(object, "spec");
  defaultTemplate(spec);
  return spec;
}

function defaultTemplate(spec: JsonRecord): void {
  const podSpec = recordAt(spec, "template", "spec");
  if (podSpec !== undefined) defaultPodSpec(podSpec);
}

export function defaultDeployment(object: KubeObject): void {
  const spec = specWithTemplate(object);
  fill(spec, { replicas: 1, strategy: {}, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = ensureRecord(spec, "strategy");
  fill(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") fill(ensureRecord(strategy, "rollingUpdate"), rollingDeployment);
}

export function defaultReplicaSet(object: KubeObject): void {
  fill(specWithTemplate(object), { replicas: 1 });
}

export function defaultStatefulSet(object: KubeObject): void {
  const spec = specWithTemplate(object);
  fill(spec, {
    podManagementPolicy: "OrderedReady",
    replicas: 1,
    revisionHistoryLimit: 10,
    updateStrategy: {},
    persistentVolumeClaimRetentionPolicy: {},
  });
  fill(ensureRecord(spec, "persistentVolumeClaimRetentionPolicy"), { whenDeleted: "Retain", whenScaled: "Retain" });
  const strategy = ensureRecord(spec, "updateStrategy");
  fill(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") fill(ensureRecord(strategy, "rollingUpdate"), { partition: 0 });
  for (const claim of recordsAt(spec, "volumeClaimTemplates")) {
    fill(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim", status: { phase: "Pending" } });
    fill(ensureRecord(claim, "spec"), { volumeMode: "Filesystem" });
  }
}

export function defaultDaemonSet(object: KubeObject): void {
  const spec = specWithTemplate(object);
  fill(spec, { revisionHistoryLimit: 10, updateStrategy: {} });
  const strategy = ensureRecord(spec, "updateStrategy");
  fill(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") fill(ensureRecord(strategy, "rollingUpdate"), rollingDaemonSet);
}

export function defaultJob(object: KubeObject): void {
  defaultJobSpec(specWithTemplate(object));
  const labels = recordAt(object, "spec", "template", "metadata", "labels");
  if (labels !== undefined && object.metadata.labels === undefined) {
    object.metadata.labels = { ...labels } as Record<string, string>;
  }
}

function defaultJobSpec(spec: JsonRecord): void {
  if (spec["completions"] === undefined && spec["parallelism"] === undefined) spec["completions"] = 1;
  fill(spec, {
    parallelism: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: spec["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed",
  });
}

/** Ties a new Job to its pods by a selector of its own uid; the client's template gets the same labels. */
export function selectJobPods(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  if (spec["manualSelector"] === true) return;
  const uid = object.metadata.uid ?? "";
  const template = ensureRecord(spec, "template");
  const labels = ensureRecord(ensureRecord(template, "metadata"), "labels");
  fill(labels, {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": object.metadata.name ?? "",
    "controller-uid": uid,
    "job-name": object.metadata.name ?? "",
  });
  spec["selector"] = { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
}

export function defaultCronJob(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  fill(spec, {
    concurrencyPolicy: "Allow",
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  const jobSpec = recordAt(spec, "jobTemplate", "spec");
  if (jobSpec === undefined) return;
  defaultTemplate(jobSpec);
}

export function defaultPod(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  defaultPodSpec(spec);
  fill(spec, { enableServiceLinks: true });
}

export function defaultReplicationController(object: KubeObject): void {
  const spec = specWithTemplate(object);
  fill(spec, { replicas: 1 });
  const labels = recordAt(spec, "template", "metadata", "labels");
  if (isRecord(labels) && spec["selector"] === undefined) spec["selector"] = { ...labels };
}

export function defaultAutoscaler(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  fill(spec, { minReplicas: 1 });
  if (textAt(object, "apiVersion") === "autoscaling/v1") fill(spec, { targetCPUUtilizationPercentage: 80 });
  else {
    const cpu = { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } };
    fill(spec, { metrics: [{ type: "Resource", resource: cpu }] });
  }
}
