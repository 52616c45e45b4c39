import type { JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";

import { assessApiService } from "./api-service.ts";
import { assessArgoApplication, assessRollout, assessWorkflow } from "./argo.ts";
import { assessAutoscaler } from "./autoscaler.ts";
import { assessAws, isAws } from "./aws-resource.ts";
import { assessCertificate, assessIssuer } from "./certificate.ts";
import { assessConfigConnector, isConfigConnector } from "./config-connector.ts";
import { assessCronJob } from "./cron-job.ts";
import { assessCrossplane, isCrossplane } from "./crossplane.ts";
import { assessCustom, isCustom } from "./custom-resource.ts";
import { assessDaemonSet } from "./daemon-set.ts";
import { assessDeployment } from "./deployment.ts";
import { assessDisruptionBudget } from "./disruption-budget.ts";
import { assessGateway, assessRoute } from "./gateway.ts";
import { assessFirst, assessReady } from "./generic.ts";
import { assessIngress } from "./ingress.ts";
import { assessJob } from "./job.ts";
import { assessKindDefinition } from "./kind-definition.ts";
import { assessNamespace } from "./namespace.ts";
import { assessPod } from "./pod.ts";
import { assessReplicaSet } from "./replica-set.ts";
import { assessResourceQuota } from "./resource-quota.ts";
import { assessService } from "./service.ts";
import { assessStatefulSet } from "./stateful-set.ts";
import { current, type Assess, type Kind, type Verdict } from "./verdict.ts";
import { assessVolumeSnapshot } from "./volume-snapshot.ts";
import { assessClaim, assessVolume } from "./volume.ts";

const rules: ReadonlyMap<string, Assess> = new Map([
  ["/Namespace", assessNamespace],
  ["/PersistentVolume", assessVolume],
  ["/PersistentVolumeClaim", assessClaim],
  ["/Pod", assessPod],
  ["/ReplicationController", assessReplicaSet],
  ["/ResourceQuota", assessResourceQuota],
  ["/Service", assessService],
  ["apiextensions.k8s.io/CustomResourceDefinition", assessKindDefinition],
  ["apiregistration.k8s.io/APIService", assessApiService],
  ["apps/DaemonSet", assessDaemonSet],
  ["apps/Deployment", assessDeployment],
  ["apps/ReplicaSet", assessReplicaSet],
  ["apps/StatefulSet", assessStatefulSet],
  ["argoproj.io/Application", assessArgoApplication],
  ["argoproj.io/Rollout", assessRollout],
  ["argoproj.io/Workflow", assessWorkflow],
  ["autoscaling/HorizontalPodAutoscaler", assessAutoscaler],
  ["batch/CronJob", assessCronJob],
  ["batch/Job", assessJob],
  ["cert-manager.io/Certificate", assessCertificate],
  ["cert-manager.io/ClusterIssuer", assessIssuer],
  ["cert-manager.io/Issuer", assessIssuer],
  ["extensions/Ingress", assessIngress],
  ["gateway.networking.k8s.io/GRPCRoute", assessRoute],
  ["gateway.networking.k8s.io/Gateway", assessGateway],
  ["gateway.networking.k8s.io/HTTPRoute", assessRoute],
  ["gateway.networking.k8s.io/TCPRoute", assessRoute],
  ["gateway.networking.k8s.io/TLSRoute", assessRoute],
  ["gateway.networking.k8s.io/UDPRoute", assessRoute],
  ["networking.k8s.io/Ingress", assessIngress],
  ["policy/PodDisruptionBudget", assessDisruptionBudget],
  ["snapshot.storage.k8s.io/VolumeSnapshot", assessVolumeSnapshot],
]);

/** Projects with too many kinds to list, told by their groups. */
const families = [
  { includes: isAws, assess: assessAws },
  { includes: isConfigConnector, assess: assessConfigConnector },
  { includes: isCrossplane, assess: assessCrossplane },
];

/** Kinds that are in order as soon as the server has taken them: nothing acts on them that could fail. */
const settled: ReadonlySet<string> = new Set([
  "/ConfigMap",
  "/Endpoints",
  "/LimitRange",
  "/Secret",
  "/ServiceAccount",
  "admissionregistration.k8s.io/MutatingWebhookConfiguration",
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
  "coordination.k8s.io/Lease",
  "discovery.k8s.io/EndpointSlice",
  "networking.k8s.io/IngressClass",
  "networking.k8s.io/NetworkPolicy",
  "node.k8s.io/RuntimeClass",
  "rbac.authorization.k8s.io/ClusterRole",
  "rbac.authorization.k8s.io/ClusterRoleBinding",
  "rbac.authorization.k8s.io/Role",
  "rbac.authorization.k8s.io/RoleBinding",
  "scheduling.k8s.io/PriorityClass",
  "storage.k8s.io/CSIDriver",
  "storage.k8s.io/StorageClass",
]);

/** Whether the health of a kind shows in its body; of the others the metadata is enough. */
export function needsBody({ group, kind }: Kind): boolean {
  return !settled.has(`${group}/${kind}`);
}

/** Health of one live object (rules: kstatus of kubernetes-sigs/cli-utils, with the repairs noted at each rule). */
export function assess({ group, kind }: Kind, object: JsonRecord): Verdict {
  const first = assessFirst(object);
  if (first !== undefined) return first;
  if (!needsBody({ group, kind })) return current;
  return ruleFor(group, kind)(object);
}

function ruleFor(group: string, kind: string): Assess {
  const own = rules.get(`${group}/${kind}`);
  if (own !== undefined) return own;
  if (!isCustom(group)) return assessReady;
  const family = families.find(({ includes }) => includes(group))?.assess ?? assessCustom;
  return (object) => family({ group, kind }, object);
}

const worstFirst: readonly ObjectHealth[] = [
  "Failed",
  "Degraded",
  "NotFound",
  "Unknown",
  "Terminating",
  "Progressing",
  "Suspended",
  "Current",
];

/** Negative when `a` is worse than `b`. */
export function compareHealth(a: ObjectHealth, b: ObjectHealth): number {
  return worstFirst.indexOf(a) - worstFirst.indexOf(b);
}

export function worstHealth(healths: Iterable<ObjectHealth>): ObjectHealth {
  let worst: ObjectHealth = "Current";
  for (const health of healths) if (compareHealth(health, worst) < 0) worst = health;
  return worst;
}
