import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { equalJson, numberAt, recordAt, recordsAt, textAt, textsAt, without, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import {
  clientFor,
  controllerReference,
  deployments,
  mergeConditions,
  replicaSets,
  templateHash,
  type Condition,
  type ObjectClient,
} from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";

const hashLabel = "pod-template-hash";
const revisionAnnotation = "deployment.kubernetes.io/revision";

/** Rolls a Deployment's ReplicaSets from the former pod template to the present one. */
export function deploymentController(state: ClusterState): Controller {
  const client = clientFor(state, deployments, "kube-controller-manager");
  const sets = clientFor(state, replicaSets, "kube-controller-manager");
  return {
    name: "deployments",
    watches: { "apps/deployments": itself, "apps/replicasets": ownerOf("Deployment") },
    reconcile: (key) => {
      const deployment = client.get(key);
      if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return undefined;
      const owned = (): KubeObject[] => sets.list(deployment.metadata.namespace).filter(ownedBy(deployment));
      const isPaused = recordAt(deployment, "spec")?.["paused"] === true;
      const current = currentSet(sets, { deployment, all: owned(), isPaused });
      roll(sets, { deployment, current, all: owned(), isPaused });
      cleanUp(sets, deployment, owned());
      const revision = current?.metadata.annotations?.[revisionAnnotation];
      const annotations = {
        ...deployment.metadata.annotations,
        ...(revision === undefined ? {} : { [revisionAnnotation]: revision }),
      };
      const rolled = owned().find((set) => hasTemplateOf(set, deployment));
      const status = statusOf(deployment, { current: rolled, all: owned(), now: timestamp(state.clock) });
      client.updateStatus(deployment, status, annotations);
      return undefined;
    },
  };
}

type Rollout = {
  readonly deployment: KubeObject;
  /** The set of the present template; undefined while the Deployment is paused before its first. */
  readonly current: KubeObject | undefined;
  readonly all: readonly KubeObject[];
  readonly isPaused: boolean;
};

function currentSet(
  client: ObjectClient,
  { deployment, all, isPaused }: Omit<Rollout, "current">,
): KubeObject | undefined {
  const found = all.find((set) => hasTemplateOf(set, deployment));
  if (found !== undefined) return renumber(client, found, all);
  return isPaused ? undefined : createSet(client, deployment, all);
}

function hasTemplateOf(set: KubeObject, deployment: KubeObject): boolean {
  const template = (object: KubeObject): unknown => {
    const found = recordAt(object, "spec", "template") ?? {};
    const labels = without(textsAt(found, "metadata", "labels"), hashLabel);
    return { ...found, metadata: { ...recordAt(found, "metadata"), labels } };
  };
  return equalJson(template(set), template(deployment));
}

function createSet(client: ObjectClient, deployment: KubeObject, all: readonly KubeObject[]): KubeObject {
  const template = recordAt(deployment, "spec", "template") ?? {};
  const hash = templateHash(template);
  const labels = { ...textsAt(template, "metadata", "labels"), [hashLabel]: hash };
  const selector = recordAt(deployment, "spec", "selector") ?? {};
  const revision = Math.max(0, ...all.map(revisionOf)) + 1;
  return client.create({
    metadata: {
      name: `${deployment.metadata.name ?? ""}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: {
        ...without(deployment.metadata.annotations ?? {}, lastApplied),
        [revisionAnnotation]: String(revision),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      selector: { ...selector, matchLabels: { ...textsAt(selector, "matchLabels"), [hashLabel]: hash } },
      template: { ...template, metadata: { ...recordAt(template, "metadata"), labels } },
    },
  });
}

/** A template that came back is the newest revision again. */
function renumber(client: ObjectClient, current: KubeObject, all: readonly KubeObject[]): KubeObject {
  const others = all.filter((set) => set.metadata.uid !== current.metadata.uid);
  const highest = Math.max(0, ...others.map(revisionOf));
  if (revisionOf(current) > highest) return current;
  const annotations = { ...current.metadata.annotations, [revisionAnnotation]: String(highest + 1) };
  return client.update(current, { ...current, metadata: { ...current.metadata, annotations } });
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

function revisionOf(set: KubeObject): number {
  return Number(set.metadata.annotations?.[revisionAnnotation] ?? "0");
}

/** One step towards all replicas on the current template, within maxSurge and maxUnavailable. */
function roll(client: ObjectClient, rollout: Rollout): void {
  const { deployment, current, all } = rollout;
  const wanted = replicasOf(deployment);
  if (rollout.isPaused || current === undefined) {
    scalePaused(client, rollout);
    return;
  }
  const old = all.filter((set) => set.metadata.uid !== current.metadata.uid);
  const isRecreate = textAt(deployment, "spec", "strategy", "type") === "Recreate";
  if (isRecreate) {
    for (const set of old) scaleSet(client, set, 0);
    const remaining = old.reduce((sum, set) => sum + (numberAt(set, "status", "replicas") ?? 0), 0);
    if (remaining === 0) scaleSet(client, current, wanted);
    return;
  }
  const oldReplicas = old.reduce((sum, set) => sum + replicasOf(set), 0);
  const room = Math.max(0, wanted + limit(deployment, "maxSurge") - oldReplicas);
  const next = Math.max(Math.min(replicasOf(current), wanted), Math.min(wanted, room));
  const scaled = scaleSet(client, current, next);
  shrinkOld(client, { deployment, old, current: scaled });
}

/** Takes pods from former templates as far as enough others are available; those that never came up go at once. */
function shrinkOld(
  client: ObjectClient,
  sets: { deployment: KubeObject; old: readonly KubeObject[]; current: KubeObject },
): void {
  const available = (set: KubeObject): number =>
    Math.min(numberAt(set, "status", "availableReplicas") ?? 0, replicasOf(set));
  const least = replicasOf(sets.deployment) - limit(sets.deployment, "maxUnavailable");
  let spare = [...sets.old, sets.current].reduce((sum, set) => sum + available(set), 0) - least;
  for (const set of sets.old) {
    const unavailable = replicasOf(set) - available(set);
    const take = Math.min(available(set), Math.max(0, spare));
    spare -= take;
    scaleSet(client, set, replicasOf(set) - unavailable - take);
  }
}

/** A paused Deployment keeps its template but still follows its replicas. */
function scalePaused(client: ObjectClient, { deployment, all }: Rollout): void {
  const active = all.filter((set) => replicasOf(set) > 0);
  const [only] = active;
  if (only !== undefined && active.length === 1) scaleSet(client, only, replicasOf(deployment));
}

function scaleSet(client: ObjectClient, set: KubeObject, replicas: number): KubeObject {
  if (replicasOf(set) === replicas) return set;
  return client.update(set, { ...set, spec: { ...recordAt(set, "spec"), replicas } });
}

function cleanUp(client: ObjectClient, deployment: KubeObject, all: readonly KubeObject[]): void {
  const kept = numberAt(deployment, "spec", "revisionHistoryLimit") ?? 10;
  const idle = all.filter(
    (set) =>
      replicasOf(set) === 0 && (numberAt(set, "status", "replicas") ?? 0) === 0 && !hasTemplateOf(set, deployment),
  );
  const surplus = idle.sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, idle.length - kept));
  for (const set of surplus) client.remove(set);
}

export function replicasOf(object: KubeObject): number {
  return numberAt(object, "spec", "replicas") ?? 1;
}

/** maxSurge rounds up and maxUnavailable down; both zero would stand still, so then one may be unavailable. */
function limit(deployment: KubeObject, name: "maxSurge" | "maxUnavailable"): number {
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

function statusOf(
  deployment: KubeObject,
  facts: { readonly current: KubeObject | undefined; readonly all: readonly KubeObject[]; readonly now: string },
): JsonRecord {
  const sum = (field: string): number =>
    facts.all.reduce((total, set) => total + (numberAt(set, "status", field) ?? 0), 0);
  const wanted = replicasOf(deployment);
  const counts = {
    replicas: sum("replicas"),
    updatedReplicas: numberAt(facts.current, "status", "replicas") ?? 0,
    readyReplicas: sum("readyReplicas"),
    availableReplicas: sum("availableReplicas"),
    unavailableReplicas: Math.max(0, Math.max(wanted, sum("replicas")) - sum("availableReplicas")),
  };
  const former = recordsAt(deployment, "status", "conditions");
  const conditions = mergeConditions(former, conditionsOf(deployment, counts, facts.current), {
    now: facts.now,
    hasUpdateTime: true,
  });
  const shown = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
  return { observedGeneration: deployment.metadata.generation ?? 1, ...shown, conditions };
}

type Counts = { readonly replicas: number; readonly updatedReplicas: number; readonly availableReplicas: number };

function conditionsOf(deployment: KubeObject, counts: Counts, current: KubeObject | undefined): Condition[] {
  const wanted = replicasOf(deployment);
  const isAvailable = counts.availableReplicas >= wanted - limit(deployment, "maxUnavailable");
  const isComplete =
    counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas >= wanted;
  const name = current?.metadata.name ?? "";
  const available: Condition = isAvailable
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  const paused: Condition = {
    type: "Progressing",
    status: "Unknown",
    reason: "DeploymentPaused",
    message: "Deployment is paused",
  };
  if (recordAt(deployment, "spec")?.["paused"] === true) return [available, paused];
  const progressing: Condition = isComplete
    ? {
        type: "Progressing",
        status: "True",
        reason: "NewReplicaSetAvailable",
        message: `ReplicaSet "${name}" has successfully progressed.`,
      }
    : {
        type: "Progressing",
        status: "True",
        reason: "ReplicaSetUpdated",
        message: `ReplicaSet "${name}" is progressing.`,
      };
  return [available, progressing];
}
