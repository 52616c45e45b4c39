import { splitApiVersion, type KubeObject } from "./manifest.ts";

/** How one field of a built-in type is merged. */
export interface MergeField {
  /** Lists of maps are merged by this key. */
  readonly key?: string;
  /** Lists of texts are united. */
  readonly union?: true;
  /** Type of the value, or of the list's items. Without it nothing below has a rule. */
  readonly type?: string;
}

export type MergeType = Readonly<Record<string, MergeField>>;

/** What a patch changes, field by field: `patchMergeKey` and `patchStrategy` of the Kubernetes API types (v1.35). */
const types: Readonly<Record<string, MergeType>> = {
  ObjectMeta: { ownerReferences: { key: "uid" }, finalizers: { union: true } },
  PodTemplate: { metadata: { type: "ObjectMeta" }, spec: { type: "PodSpec" } },
  PodSpec: {
    containers: { key: "name", type: "Container" },
    ephemeralContainers: { key: "name", type: "Container" },
    hostAliases: { key: "ip" },
    imagePullSecrets: { key: "name" },
    initContainers: { key: "name", type: "Container" },
    resourceClaims: { key: "name" },
    schedulingGates: { key: "name" },
    topologySpreadConstraints: { key: "topologyKey" },
    volumes: { key: "name", type: "Volume" },
  },
  Container: {
    env: { key: "name" },
    ports: { key: "containerPort" },
    volumeDevices: { key: "devicePath" },
    volumeMounts: { key: "mountPath" },
  },
  Volume: { ephemeral: { type: "EphemeralVolume" } },
  EphemeralVolume: { volumeClaimTemplate: { type: "Workload" } },
  Workload: { metadata: { type: "ObjectMeta" }, template: { type: "PodTemplate" } },
  CronJobSpec: { jobTemplate: { type: "JobTemplate" } },
  JobTemplate: { metadata: { type: "ObjectMeta" }, spec: { type: "Workload" } },
  ServiceSpec: { ports: { key: "port" } },
  NodeSpec: { podCIDRs: { union: true } },
  CsiNodeSpec: { drivers: { key: "name" } },
  Webhook: { matchConditions: { key: "name" } },
  AdmissionPolicySpec: { matchConditions: { key: "name" }, variables: { key: "name" } },
};

const workload: MergeType = { spec: { type: "Workload" } };
const webhooks: MergeType = { webhooks: { key: "name", type: "Webhook" } };
const admissionPolicy: MergeType = { spec: { type: "AdmissionPolicySpec" } };
/** Built-in, but nothing of it is merged by key. */
const plain: MergeType = {};

const kinds: Readonly<Record<string, Readonly<Record<string, MergeType>>>> = {
  "": {
    ConfigMap: plain,
    Endpoints: plain,
    Event: plain,
    LimitRange: plain,
    Namespace: plain,
    Node: { spec: { type: "NodeSpec" } },
    PersistentVolume: plain,
    PersistentVolumeClaim: plain,
    Pod: { spec: { type: "PodSpec" } },
    PodTemplate: { template: { type: "PodTemplate" } },
    ReplicationController: workload,
    ResourceQuota: plain,
    Secret: plain,
    Service: { spec: { type: "ServiceSpec" } },
    ServiceAccount: { secrets: { key: "name" } },
  },
  "admissionregistration.k8s.io": {
    MutatingAdmissionPolicy: admissionPolicy,
    MutatingAdmissionPolicyBinding: plain,
    MutatingWebhookConfiguration: webhooks,
    ValidatingAdmissionPolicy: admissionPolicy,
    ValidatingAdmissionPolicyBinding: plain,
    ValidatingWebhookConfiguration: webhooks,
  },
  apps: {
    ControllerRevision: plain,
    DaemonSet: workload,
    Deployment: workload,
    ReplicaSet: workload,
    StatefulSet: workload,
  },
  autoscaling: { HorizontalPodAutoscaler: plain },
  batch: { CronJob: { spec: { type: "CronJobSpec" } }, Job: workload },
  "certificates.k8s.io": { CertificateSigningRequest: plain },
  "coordination.k8s.io": { Lease: plain },
  "discovery.k8s.io": { EndpointSlice: plain },
  "flowcontrol.apiserver.k8s.io": { FlowSchema: plain, PriorityLevelConfiguration: plain },
  "networking.k8s.io": { Ingress: plain, IngressClass: plain, NetworkPolicy: plain },
  "node.k8s.io": { RuntimeClass: plain },
  policy: { PodDisruptionBudget: plain },
  "rbac.authorization.k8s.io": { ClusterRole: plain, ClusterRoleBinding: plain, Role: plain, RoleBinding: plain },
  "scheduling.k8s.io": { PriorityClass: plain },
  "storage.k8s.io": {
    CSIDriver: plain,
    CSINode: { spec: { type: "CsiNodeSpec" } },
    StorageClass: plain,
    VolumeAttachment: plain,
  },
};

const metadata: MergeType = { metadata: { type: "ObjectMeta" } };

/** The rules of a kind; undefined for kinds that are not built in, whose lists no rule is known for. */
export function mergeTypeOf({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): MergeType | undefined {
  const { group } = splitApiVersion(apiVersion);
  const found = Object.hasOwn(kinds, group) ? kinds[group] : undefined;
  const type = found !== undefined && Object.hasOwn(found, kind) ? found[kind] : undefined;
  return type === undefined ? undefined : { ...metadata, ...type };
}

/** The rule of a field, if it has one. */
export function mergeField(type: MergeType | undefined, field: string): MergeField | undefined {
  return type !== undefined && Object.hasOwn(type, field) ? type[field] : undefined;
}

export function namedType(name: string | undefined): MergeType | undefined {
  return name === undefined ? undefined : types[name];
}
