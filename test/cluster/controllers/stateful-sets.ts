import type { ClusterState } from "../cluster-state.ts";
import { at, numberAt, recordAt, recordsAt, textAt, textsAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { adoptPods } from "./adopt.ts";
import { claims, clientFor, pods, statefulSets, templateHash, type ObjectClient } from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";
import { labelled, revisionOfPod } from "./daemon-sets.ts";
import { replicasOf } from "./deployment-status.ts";
import { isActive, isReady } from "./pods.ts";
import { podFromTemplate } from "./replica-sets.ts";

/** Keeps pods with stable names and their volume claims; in order, unless podManagementPolicy is Parallel. */
export function statefulSetController(state: ClusterState): Controller {
  const client = clientFor(state, statefulSets, "kube-controller-manager");
  const podClient = clientFor(state, pods, "kube-controller-manager");
  const claimClient = clientFor(state, claims, "kube-controller-manager");
  return {
    name: "stateful-sets",
    watches: { "apps/statefulsets": itself, "/pods": ownerOf("StatefulSet") },
    reconcile: (key) => {
      const set = client.get(key);
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
      const revision = `${set.metadata.name ?? ""}-${templateHash(recordAt(set, "spec", "template"))}`;
      const { name = "" } = set.metadata;
      adoptPods(podClient, set, (pod) => pod.metadata.name === `${name}-${ordinalOf(pod)}`);
      const owned = (): KubeObject[] => podClient.list(set.metadata.namespace).filter(ownedBy(set));
      step({ set, revision, owned: owned(), pods: podClient, claims: claimClient });
      client.updateStatus(set, statusOf(set, revision, owned().filter(isActive)));
      return undefined;
    },
  };
}

type Step = {
  readonly set: KubeObject;
  readonly revision: string;
  readonly owned: readonly KubeObject[];
  readonly pods: ObjectClient;
  readonly claims: ObjectClient;
};

function step(facts: Step): void {
  const { set, owned } = facts;
  const wanted = replicasOf(set);
  const first = numberAt(set, "spec", "ordinals", "start") ?? 0;
  const isParallel = textAt(set, "spec", "podManagementPolicy") === "Parallel";
  for (let ordinal = first; ordinal < first + wanted; ordinal += 1) {
    const pod = owned.find((each) => ordinalOf(each) === ordinal);
    if (pod === undefined) createPod(facts, ordinal);
    if (!isParallel && (pod === undefined || !isReady(pod))) break;
  }
  const surplus = owned
    .filter((pod) => ordinalOf(pod) >= first + wanted || ordinalOf(pod) < first)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a));
  for (const pod of isParallel ? surplus : surplus.slice(0, 1)) facts.pods.remove(pod);
  if (surplus.length === 0) replaceOutdated(facts);
}

/** A rolling update goes from the highest ordinal down to the partition, one pod at a time. */
function replaceOutdated({ set, revision, owned, pods }: Step): void {
  if (textAt(set, "spec", "updateStrategy", "type") !== "RollingUpdate") return;
  const partition = numberAt(set, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  const fromTop = owned.filter((pod) => ordinalOf(pod) >= partition).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  for (const pod of fromTop) {
    if (revisionOfPod(pod) !== revision) {
      pods.remove(pod);
      return;
    }
    if (!isReady(pod)) return;
  }
}

function ordinalOf(pod: KubeObject): number {
  return Number(/-(\d+)$/u.exec(pod.metadata.name ?? "")?.[1] ?? "-1");
}

function createPod({ set, revision, pods, claims: claimClient }: Step, ordinal: number): void {
  const { name: setName = "", namespace = "" } = set.metadata;
  const name = `${setName}-${ordinal}`;
  const volumes = recordsAt(set, "spec", "volumeClaimTemplates").map((template) => {
    const volume = textAt(template, "metadata", "name") ?? "";
    const claimName = `${volume}-${name}`;
    if (claimClient.get(`${namespace}/${claimName}`) === undefined)
      claimClient.create(claimFrom(set, template, claimName));
    return { name: volume, persistentVolumeClaim: { claimName } };
  });
  const labels = { "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": String(ordinal) };
  const pod = labelled(podFromTemplate(set, name), revision, labels);
  const spec = recordAt(pod, "spec") ?? {};
  const claimed = new Set(volumes.map((volume) => volume.name));
  const others = recordsAt(spec, "volumes").filter((volume) => !claimed.has(textAt(volume, "name") ?? ""));
  const all = [...others, ...volumes];
  const serviceName = textAt(set, "spec", "serviceName");
  pods.create({
    ...pod,
    spec: {
      ...spec,
      hostname: name,
      ...(serviceName === undefined ? {} : { subdomain: serviceName }),
      ...(all.length > 0 ? { volumes: all } : {}),
    },
  });
}

function claimFrom(set: KubeObject, template: JsonRecord, name: string): JsonRecord {
  const labels = { ...textsAt(template, "metadata", "labels"), ...textsAt(set, "spec", "selector", "matchLabels") };
  const annotations = textsAt(template, "metadata", "annotations");
  return {
    metadata: { name, namespace: set.metadata.namespace, labels, annotations },
    spec: recordAt(template, "spec"),
  };
}

function statusOf(set: KubeObject, revision: string, active: readonly KubeObject[]): JsonRecord {
  const updated = active.filter((pod) => revisionOfPod(pod) === revision).length;
  const former = textAt(set, "status", "currentRevision") ?? revision;
  const isUpdated = updated === replicasOf(set) && active.length === updated && active.every(isReady);
  const current = isUpdated ? revision : former;
  const counts = {
    readyReplicas: active.filter(isReady).length,
    currentReplicas: active.filter((pod) => revisionOfPod(pod) === current).length,
    updatedReplicas: updated,
  };
  return {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: active.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0)),
    currentRevision: current,
    updateRevision: revision,
    collisionCount: at(set, "status", "collisionCount") ?? 0,
    availableReplicas: counts.readyReplicas,
  };
}
