/** What discovery says of one resource. */
export type ResourceInfo = {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: readonly ("status" | "scale")[];
};

type Row = readonly [
  plural: string,
  kind: string,
  scope: "cluster" | "namespace",
  extras?: Partial<Pick<ResourceInfo, "shortNames" | "categories" | "subresources">>,
];

const all = ["all"];
const extensions = ["api-extensions"];
const status = ["status"] as const;
const scalable = ["status", "scale"] as const;

/** Rows as a real server's discovery lists them; kinds that can only be created (reviews, bindings) are not resources. */
const table: Readonly<Record<string, readonly Row[]>> = {
  "/v1": [
    ["configmaps", "ConfigMap", "namespace", { shortNames: ["cm"] }],
    ["endpoints", "Endpoints", "namespace", { shortNames: ["ep"] }],
    ["events", "Event", "namespace", { shortNames: ["ev"] }],
    ["limitranges", "LimitRange", "namespace", { shortNames: ["limits"] }],
    ["namespaces", "Namespace", "cluster", { shortNames: ["ns"], subresources: status }],
    ["nodes", "Node", "cluster", { shortNames: ["no"], subresources: status }],
    ["persistentvolumeclaims", "PersistentVolumeClaim", "namespace", { shortNames: ["pvc"], subresources: status }],
    ["persistentvolumes", "PersistentVolume", "cluster", { shortNames: ["pv"], subresources: status }],
    ["pods", "Pod", "namespace", { shortNames: ["po"], categories: all, subresources: status }],
    ["podtemplates", "PodTemplate", "namespace"],
    [
      "replicationcontrollers",
      "ReplicationController",
      "namespace",
      { shortNames: ["rc"], categories: all, subresources: scalable },
    ],
    ["resourcequotas", "ResourceQuota", "namespace", { shortNames: ["quota"], subresources: status }],
    ["secrets", "Secret", "namespace"],
    ["serviceaccounts", "ServiceAccount", "namespace", { shortNames: ["sa"] }],
    ["services", "Service", "namespace", { shortNames: ["svc"], categories: all, subresources: status }],
  ],
  "apps/v1": [
    ["controllerrevisions", "ControllerRevision", "namespace"],
    ["daemonsets", "DaemonSet", "namespace", { shortNames: ["ds"], categories: all, subresources: status }],
    ["deployments", "Deployment", "namespace", { shortNames: ["deploy"], categories: all, subresources: scalable }],
    ["replicasets", "ReplicaSet", "namespace", { shortNames: ["rs"], categories: all, subresources: scalable }],
    ["statefulsets", "StatefulSet", "namespace", { shortNames: ["sts"], categories: all, subresources: scalable }],
  ],
  "batch/v1": [cronJob(), ["jobs", "Job", "namespace", { categories: all, subresources: status }]],
  "policy/v1": [pdb()],
  "policy/v1beta1": [pdb()],
  "autoscaling/v2": [hpa()],
  "autoscaling/v1": [hpa()],
  "autoscaling/v2beta2": [hpa()],
  "networking.k8s.io/v1": [
    ["ingressclasses", "IngressClass", "cluster"],
    ingress(),
    ["networkpolicies", "NetworkPolicy", "namespace", { shortNames: ["netpol"] }],
  ],
  "rbac.authorization.k8s.io/v1": [
    ["clusterrolebindings", "ClusterRoleBinding", "cluster"],
    ["clusterroles", "ClusterRole", "cluster"],
    ["rolebindings", "RoleBinding", "namespace"],
    ["roles", "Role", "namespace"],
  ],
  "storage.k8s.io/v1": [
    ["csidrivers", "CSIDriver", "cluster"],
    ["csinodes", "CSINode", "cluster"],
    ["csistoragecapacities", "CSIStorageCapacity", "namespace"],
    ["storageclasses", "StorageClass", "cluster", { shortNames: ["sc"] }],
    ["volumeattachments", "VolumeAttachment", "cluster", { subresources: status }],
    ["volumeattributesclasses", "VolumeAttributesClass", "cluster", { shortNames: ["vac"] }],
  ],
  "scheduling.k8s.io/v1": [["priorityclasses", "PriorityClass", "cluster", { shortNames: ["pc"] }]],
  "coordination.k8s.io/v1": [["leases", "Lease", "namespace"]],
  "apiextensions.k8s.io/v1": [
    [
      "customresourcedefinitions",
      "CustomResourceDefinition",
      "cluster",
      { shortNames: ["crd", "crds"], categories: extensions, subresources: status },
    ],
  ],
  "admissionregistration.k8s.io/v1": [
    ["mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "cluster", { categories: extensions }],
    [
      "validatingadmissionpolicies",
      "ValidatingAdmissionPolicy",
      "cluster",
      { categories: extensions, subresources: status },
    ],
    ["validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "cluster", { categories: extensions }],
    ["validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "cluster", { categories: extensions }],
  ],
  "apiregistration.k8s.io/v1": [
    ["apiservices", "APIService", "cluster", { categories: extensions, subresources: status }],
  ],
  "certificates.k8s.io/v1": [
    [
      "certificatesigningrequests",
      "CertificateSigningRequest",
      "cluster",
      { shortNames: ["csr"], subresources: status },
    ],
  ],
  "discovery.k8s.io/v1": [["endpointslices", "EndpointSlice", "namespace"]],
  "events.k8s.io/v1": [["events", "Event", "namespace", { shortNames: ["ev"] }]],
  "node.k8s.io/v1": [["runtimeclasses", "RuntimeClass", "cluster"]],
  "flowcontrol.apiserver.k8s.io/v1": [
    ["flowschemas", "FlowSchema", "cluster", { subresources: status }],
    ["prioritylevelconfigurations", "PriorityLevelConfiguration", "cluster", { subresources: status }],
  ],
  // Gone from current servers, but the same tests run on 1.20, which has these instead of their successors.
  "batch/v1beta1": [cronJob()],
  "networking.k8s.io/v1beta1": [ingress()],
  "extensions/v1beta1": [ingress()],
};

/** Every resource that the embedded cluster serves from its start; of a group's versions the preferred comes first. */
export const builtinResources: readonly ResourceInfo[] = Object.entries(table).flatMap(([groupVersion, rows]) => {
  const [group = "", version = ""] = groupVersion.split("/");
  return rows.map(([plural, kind, scope, extras]) => ({
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced: scope === "namespace",
    shortNames: [],
    categories: [],
    subresources: [],
    ...extras,
  }));
});

function pdb(): Row {
  return [
    "poddisruptionbudgets",
    "PodDisruptionBudget",
    "namespace",
    { shortNames: ["pdb"], subresources: ["status"] },
  ];
}

function cronJob(): Row {
  const extras = { shortNames: ["cj"], categories: ["all"], subresources: ["status"] as const };
  return ["cronjobs", "CronJob", "namespace", extras];
}

function ingress(): Row {
  return ["ingresses", "Ingress", "namespace", { shortNames: ["ing"], subresources: ["status"] }];
}

function hpa(): Row {
  const extras = { shortNames: ["hpa"], categories: ["all"], subresources: ["status"] as const };
  return ["horizontalpodautoscalers", "HorizontalPodAutoscaler", "namespace", extras];
}
