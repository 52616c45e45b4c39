import type { ClusterState } from "../cluster-state.ts";
import { numberAt, recordAt, textsAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { adoptPods } from "./adopt.ts";
import { clientFor, controllerReference, pods, replicaSets, type ObjectClient } from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";
import { isActive, isReady } from "./pods.ts";

/** Keeps as many pods as the ReplicaSet asks for. */
export function replicaSetController(state: ClusterState): Controller {
  const sets = clientFor(state, replicaSets, "kube-controller-manager");
  const podClient = clientFor(state, pods, "kube-controller-manager");
  return {
    name: "replica-sets",
    watches: { "apps/replicasets": itself, "/pods": ownerOf("ReplicaSet") },
    reconcile: (key) => {
      const set = sets.get(key);
      if (set === undefined) return undefined;
      const { namespace } = set.metadata;
      if (set.metadata.deletionTimestamp === undefined) adoptPods(podClient, set);
      const owned = podClient.list(namespace).filter(ownedBy(set)).filter(isActive);
      if (set.metadata.deletionTimestamp === undefined) scale(podClient, set, owned);
      const active = podClient.list(namespace).filter(ownedBy(set)).filter(isActive);
      sets.updateStatus(set, statusOf(set, active));
      return undefined;
    },
  };
}

function scale(client: ObjectClient, set: KubeObject, active: readonly KubeObject[]): void {
  const wanted = numberAt(set, "spec", "replicas") ?? 1;
  for (let i = active.length; i < wanted; i += 1) client.create(podFromTemplate(set));
  // Those that serve nothing yet go first.
  const surplus = active
    .toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)))
    .slice(0, Math.max(0, active.length - wanted));
  for (const pod of surplus) client.remove(pod);
}

/** A pod as its owner's template describes it. */
export function podFromTemplate(owner: KubeObject, name?: string): Record<string, unknown> {
  const template = recordAt(owner, "spec", "template");
  const { namespace } = owner.metadata;
  return {
    metadata: {
      ...(name === undefined ? { generateName: `${owner.metadata.name ?? ""}-` } : { name }),
      namespace,
      labels: textsAt(template, "metadata", "labels"),
      annotations: textsAt(template, "metadata", "annotations"),
      ownerReferences: [controllerReference(owner)],
    },
    spec: recordAt(template, "spec"),
  };
}

function statusOf(set: KubeObject, active: readonly KubeObject[]): Record<string, unknown> {
  const ready = active.filter(isReady).length;
  return {
    replicas: active.length,
    ...(active.length > 0 ? { fullyLabeledReplicas: active.length } : {}),
    ...(ready > 0 ? { readyReplicas: ready, availableReplicas: ready } : {}),
    observedGeneration: set.metadata.generation ?? 1,
  };
}
