import type { KubeObject } from "@drover/shared/kube/manifest";

// What a tenant may not bring about who has rights on ConfigMaps, Roles and RoleBindings of one namespace (T21).

const rbac = "rbac.authorization.k8s.io";

/** `apps/v1 Deployment` of one API version each. */
const ofNamespaces =
  "v1 Secret, v1 Service, v1 ServiceAccount, v1 Pod, v1 PersistentVolumeClaim, v1 ResourceQuota, v1 LimitRange, v1 Endpoints, " +
  "v1 PodTemplate, v1 ReplicationController, apps/v1 Deployment, apps/v1 StatefulSet, apps/v1 DaemonSet, apps/v1 ReplicaSet, " +
  "batch/v1 Job, batch/v1 CronJob, networking.k8s.io/v1 Ingress, networking.k8s.io/v1 NetworkPolicy, " +
  "policy/v1 PodDisruptionBudget, autoscaling/v2 HorizontalPodAutoscaler, coordination.k8s.io/v1 Lease, " +
  "discovery.k8s.io/v1 EndpointSlice";
const ofTheCluster =
  "v1 Namespace, v1 PersistentVolume, v1 Node, apiextensions.k8s.io/v1 CustomResourceDefinition, " +
  "apiregistration.k8s.io/v1 APIService, storage.k8s.io/v1 StorageClass, storage.k8s.io/v1 CSIDriver, " +
  "storage.k8s.io/v1 CSINode, storage.k8s.io/v1 VolumeAttachment, scheduling.k8s.io/v1 PriorityClass, " +
  "networking.k8s.io/v1 IngressClass, node.k8s.io/v1 RuntimeClass, certificates.k8s.io/v1 CertificateSigningRequest, " +
  "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration, " +
  "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration, flowcontrol.apiserver.k8s.io/v1 FlowSchema, " +
  "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration, " +
  `${rbac}/v1 ClusterRole, ${rbac}/v1 ClusterRoleBinding`;
/** What is done to an object beside it, written as if it were one. */
const subresources =
  "authentication.k8s.io/v1 TokenRequest, policy/v1 Eviction, autoscaling/v1 Scale, v1 Binding, " +
  "authorization.k8s.io/v1 SubjectAccessReview, v1 PodExecOptions";

function each(list: string, make: (apiVersion: string, kind: string) => KubeObject): readonly KubeObject[] {
  return list.split(", ").map((entry) => {
    const [apiVersion = "", kind = ""] = entry.split(" ");
    return make(apiVersion, kind);
  });
}

const named = (apiVersion: string, kind: string, name: string, namespace?: string): KubeObject => {
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
};

/** Rights that the tenant does not have, and so cannot give: to read secrets, to be others, to have more rights. */
const grants: readonly (readonly [group: string, resource: string, verb: string])[] = [
  ["", "secrets", "get"],
  ["", "pods/exec", "create"],
  ["", "pods", "delete"],
  ["", "serviceaccounts", "impersonate"],
  ["", "serviceaccounts/token", "create"],
  ["", "users", "impersonate"],
  ["", "groups", "impersonate"],
  [rbac, "roles", "escalate"],
  [rbac, "clusterroles", "bind"],
  ["*", "*", "*"],
];

function escalations(namespace: string): readonly KubeObject[] {
  const roles = grants.map(([group, resource, verb], index) => ({
    ...named(`${rbac}/v1`, "Role", `forbidden-grant-${index}`, namespace),
    rules: [{ apiGroups: [group], resources: [resource], verbs: [verb] }],
  }));
  // Whoever is named: that the tenant may not bind the role is what counts.
  const everybody = { apiGroup: rbac, kind: "Group", name: "system:authenticated" };
  const subjects = [
    { kind: "ServiceAccount", name: "deployer", namespace },
    { kind: "ServiceAccount", name: "default", namespace },
    everybody,
    { ...everybody, kind: "User", name: "mallory" },
  ];
  const bindings = subjects.map((subject, index) => ({
    ...named(`${rbac}/v1`, "RoleBinding", `forbidden-binding-${index}`, namespace),
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "cluster-admin" },
    subjects: [subject],
  }));
  return [...roles, ...bindings];
}

/** Parts of the agent itself. */
function ownParts(home: string): readonly KubeObject[] {
  return [
    named("v1", "Namespace", home),
    named("apps/v1", "Deployment", "drover-agent", home),
    named("v1", "ServiceAccount", "drover-agent", home),
    named("v1", "Secret", "drover-agent-identity", home),
    named("v1", "ConfigMap", "drover-agent-policy", home),
    named(`${rbac}/v1`, "Role", "drover-agent", home),
    named(`${rbac}/v1`, "ClusterRole", "drover-agent"),
    named(`${rbac}/v1`, "ClusterRoleBinding", "drover-agent-admin"),
  ];
}

/** Each is forbidden to a tenant of `namespace` for one reason; `others` are namespaces that are not the tenant's. */
export function forbiddenManifests(namespace: string, others: readonly string[], home: string): readonly KubeObject[] {
  const reached = "v1 ConfigMap, v1 Secret, apps/v1 Deployment, rbac.authorization.k8s.io/v1 RoleBinding";
  return [
    ...each(`${ofNamespaces}, ${subresources}`, (version, kind) => named(version, kind, "forbidden", namespace)),
    ...each(ofTheCluster, (version, kind) => named(version, kind, `forbidden-${kind.toLowerCase()}`)),
    ...others.flatMap((other) => each(reached, (version, kind) => named(version, kind, "forbidden", other))),
    ...escalations(namespace),
    ...ownParts(home),
  ];
}
