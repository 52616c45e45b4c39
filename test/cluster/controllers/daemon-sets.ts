import type { ClusterState } from "../cluster-state.ts";
import { recordAt, textAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { clientFor, daemonSets, pods, templateHash, type ObjectClient } from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";
import { isActive, isReady, nodeName } from "./pods.ts";
import { podFromTemplate } from "./replica-sets.ts";

const hashLabel = "controller-revision-hash";

/** Keeps one pod of the present template on the one node, unless its node selector asks for another node. */
export function daemonSetController(state: ClusterState): Controller {
  const client = clientFor(state, daemonSets, "kube-controller-manager");
  const podClient = clientFor(state, pods, "kube-controller-manager");
  return {
    name: "daemon-sets",
    watches: { "apps/daemonsets": itself, "/pods": ownerOf("DaemonSet") },
    reconcile: (key) => {
      const set = client.get(key);
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
      const active = (): KubeObject[] => podClient.list(set.metadata.namespace).filter(ownedBy(set)).filter(isActive);
      const hash = templateHash(recordAt(set, "spec", "template"));
      const isWanted = runsHere(set);
      place(podClient, { set, hash, isWanted, active: active() });
      client.updateStatus(set, statusOf(set, { hash, isWanted, active: active() }));
      return undefined;
    },
  };
}

type Placement = {
  readonly set: KubeObject;
  readonly hash: string;
  readonly isWanted: boolean;
  readonly active: readonly KubeObject[];
};

function place(client: ObjectClient, { set, hash, isWanted, active }: Placement): void {
  const onDelete = textAt(set, "spec", "updateStrategy", "type") === "OnDelete";
  const outdated = active.filter((pod) => !isWanted || (!onDelete && pod.metadata.labels?.[hashLabel] !== hash));
  for (const pod of outdated) client.remove(pod);
  if (isWanted && active.length === outdated.length) client.create(labelled(podFromTemplate(set), hash));
}

function runsHere(set: KubeObject): boolean {
  const selector = Object.entries(recordAt(set, "spec", "template", "spec", "nodeSelector") ?? {});
  const labels: Record<string, string> = {
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
  };
  return selector.every(([key, value]) => labels[key] === value);
}

/** The pod with the label that says which revision of the template it was made from. */
export function labelled(
  pod: Record<string, unknown>,
  hash: string,
  more: Record<string, string> = {},
): Record<string, unknown> {
  const metadata = recordAt(pod, "metadata") ?? {};
  return { ...pod, metadata: { ...metadata, labels: { ...recordAt(metadata, "labels"), [hashLabel]: hash, ...more } } };
}

export function revisionOfPod(pod: KubeObject): string | undefined {
  return pod.metadata.labels?.[hashLabel];
}

function statusOf(set: KubeObject, { hash, isWanted, active }: Omit<Placement, "set">): Record<string, unknown> {
  const desired = isWanted ? 1 : 0;
  const ready = active.filter(isReady).length;
  const updated = active.filter((pod) => revisionOfPod(pod) === hash).length;
  const counts = {
    updatedNumberScheduled: updated,
    numberAvailable: ready,
    numberUnavailable: Math.max(0, desired - ready),
  };
  return {
    currentNumberScheduled: Math.min(active.length, desired),
    numberMisscheduled: 0,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: set.metadata.generation ?? 1,
    ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0)),
  };
}
