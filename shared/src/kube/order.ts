import { splitApiVersion, type KubeObject } from "./manifest.ts";

type Kind = Pick<KubeObject, "apiVersion" | "kind">;

/** What others need comes first. Kinds that are not named come after workloads. */
const ranks: readonly (readonly string[])[] = [
  ["Namespace"],
  ["CustomResourceDefinition.apiextensions.k8s.io"],
  [
    "PriorityClass.scheduling.k8s.io",
    "RuntimeClass.node.k8s.io",
    "StorageClass.storage.k8s.io",
    "CSIDriver.storage.k8s.io",
    "IngressClass.networking.k8s.io",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy.networking.k8s.io",
    "ServiceAccount",
  ],
  ["Secret", "ConfigMap", "PersistentVolume"],
  ["PersistentVolumeClaim", "ClusterRole.rbac.authorization.k8s.io", "Role.rbac.authorization.k8s.io"],
  ["ClusterRoleBinding.rbac.authorization.k8s.io", "RoleBinding.rbac.authorization.k8s.io"],
  ["Service", "Endpoints", "EndpointSlice.discovery.k8s.io", "PodDisruptionBudget.policy"],
  [
    "DaemonSet.apps",
    "Pod",
    "ReplicationController",
    "ReplicaSet.apps",
    "Deployment.apps",
    "StatefulSet.apps",
    "Job.batch",
    "CronJob.batch",
  ],
  ["HorizontalPodAutoscaler.autoscaling", "Ingress.networking.k8s.io"],
  [],
  // An admission webhook or an API service whose pods are not there yet would stop everything after it.
  [
    "APIService.apiregistration.k8s.io",
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "MutatingAdmissionPolicy.admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "MutatingWebhookConfiguration.admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
  ],
];

const rankByKind: ReadonlyMap<string, number> = new Map(
  ranks.flatMap((kinds, rank) => kinds.map((kind) => [kind, rank] as const)),
);
/** Of what may stop the whole cluster while its pods are not there: admission webhooks and API services. */
export const lastRank = ranks.length - 1;
const otherRank = ranks.findIndex((kinds) => kinds.length === 0);

/** Lower ranks are applied first; objects of one rank need nothing of each other. */
export function applyRank({ apiVersion, kind }: Kind): number {
  const { group } = splitApiVersion(apiVersion);
  return rankByKind.get(group === "" ? kind : `${kind}.${group}`) ?? otherRank;
}

/** Orders by rank, then by identity: moving a file about changes nothing. */
export function sortForApply<T extends KubeObject>(objects: readonly T[]): T[] {
  return sortByObject(objects, (object) => object);
}

/** `sortForApply` for things that have an object. */
export function sortByObject<T>(items: readonly T[], objectOf: (item: T) => KubeObject): T[] {
  const keyed = items.map((item) => {
    const object = objectOf(item);
    return { item, rank: applyRank(object), identity: identity(object) };
  });
  return keyed.sort((a, b) => a.rank - b.rank || compareTexts(a.identity, b.identity)).map(({ item }) => item);
}

function identity({ apiVersion, kind, metadata }: KubeObject): readonly string[] {
  return [splitApiVersion(apiVersion).group, kind, metadata.namespace ?? "", metadata.name];
}

/** By code units, so that every machine sorts alike. */
function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? "";
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
