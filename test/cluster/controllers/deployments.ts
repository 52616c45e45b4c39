import type { ClusterState } from "../cluster-state.ts";
import { equalJson, numberAt, recordAt, textAt, textsAt, without } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { clientFor, controllerReference, deployments, replicaSets, templateHash, type ObjectClient } from "./client.ts";
import { itself, ownedBy, ownerOf, type Controller } from "./controller.ts";
import { deploymentStatus, limit, replicasOf, untilDeadline } from "./deployment-status.ts";

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
      const status = deploymentStatus(deployment, { current: rolled, all: owned(), nowMs: state.clock.now() });
      const updated = client.updateStatus(deployment, status, annotations);
      return untilDeadline(updated, state.clock.now());
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
