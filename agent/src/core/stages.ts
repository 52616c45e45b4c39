import type { ObjectKey } from "@drover/shared/kube/manifest";

/** What has to be in the cluster before what. A stage starts when every object of the one before was tried. */
export const stageNames = [
  "namespaces and kinds",
  "accounts, rights and configuration",
  "services",
  "workloads",
  "custom resources",
  "admission",
] as const;

const stages: ReadonlyMap<string, number> = new Map([
  ...["/Namespace", "apiextensions.k8s.io/CustomResourceDefinition"].map((kind) => [kind, 0] as const),
  ...[
    "/ConfigMap",
    "/LimitRange",
    "/PersistentVolume",
    "/PersistentVolumeClaim",
    "/ResourceQuota",
    "/Secret",
    "/ServiceAccount",
    "networking.k8s.io/IngressClass",
    "networking.k8s.io/NetworkPolicy",
    "node.k8s.io/RuntimeClass",
    "policy/PodDisruptionBudget",
    "policy/PodSecurityPolicy",
    "rbac.authorization.k8s.io/ClusterRole",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/RoleBinding",
    "scheduling.k8s.io/PriorityClass",
    "storage.k8s.io/CSIDriver",
    "storage.k8s.io/StorageClass",
  ].map((kind) => [kind, 1] as const),
  ["/Service", 2],
  // Their back ends are among the workloads; a webhook that comes first would refuse what follows.
  ["apiregistration.k8s.io/APIService", 5],
  ["admissionregistration.k8s.io/MutatingWebhookConfiguration", 5],
  ["admissionregistration.k8s.io/ValidatingWebhookConfiguration", 5],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicy", 5],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", 5],
]);

const workloads = 3;
const customResources = 4;

type Kind = Pick<ObjectKey, "group" | "kind">;

export function stageOf({ group, kind }: Kind): number {
  return stages.get(`${group}/${kind}`) ?? (isBuiltIn(group) ? workloads : customResources);
}

/** The objects in the order of the stages; stages without objects are left out. */
export function groupByStage<T>(items: Iterable<T>, keyOf: (item: T) => Kind): readonly (readonly T[])[] {
  const groups = stageNames.map((): T[] => []);
  for (const item of items) groups[stageOf(keyOf(item))]?.push(item);
  return groups.filter((group) => group.length > 0);
}

export function isKindDefinition({ group, kind }: Kind): boolean {
  return group === "apiextensions.k8s.io" && kind === "CustomResourceDefinition";
}

/** Groups of Kubernetes itself have no dot or end in k8s.io; add-ons of the project (gateways, snapshots) use the latter too. */
function isBuiltIn(group: string): boolean {
  return !group.includes(".") || builtInGroups.has(group);
}

const builtInGroups = new Set([
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "rbac.authorization.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
]);
