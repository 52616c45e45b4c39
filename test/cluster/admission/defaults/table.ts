import type { KubeObject } from "../../schema/schema.ts";
import {
  defaultApiService,
  defaultBinding,
  defaultClaim,
  defaultDefinition,
  defaultEndpoints,
  defaultEndpointSlice,
  defaultLimitRange,
  defaultNamespace,
  defaultIngress,
  defaultNetworkPolicy,
  defaultPriorityClass,
  defaultSecret,
  defaultStorageClass,
  defaultVolume,
  defaultWebhooks,
} from "./others.ts";
import { defaultService } from "./services.ts";
import {
  defaultAutoscaler,
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultPod,
  defaultReplicaSet,
  defaultReplicationController,
  defaultStatefulSet,
} from "./workloads.ts";

/** Fills in what the client left out. Changes the object, which the caller must own. */
type Defaulter = (object: KubeObject) => void;

const defaulters: Readonly<Record<string, Defaulter>> = {
  "/endpoints": defaultEndpoints,
  "/limitranges": defaultLimitRange,
  "/namespaces": defaultNamespace,
  "/persistentvolumeclaims": defaultClaim,
  "/persistentvolumes": defaultVolume,
  "/pods": defaultPod,
  "/replicationcontrollers": defaultReplicationController,
  "/secrets": defaultSecret,
  "/services": defaultService,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": defaultWebhooks,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": defaultWebhooks,
  "apiextensions.k8s.io/customresourcedefinitions": defaultDefinition,
  "apiregistration.k8s.io/apiservices": defaultApiService,
  "apps/daemonsets": defaultDaemonSet,
  "apps/deployments": defaultDeployment,
  "apps/replicasets": defaultReplicaSet,
  "apps/statefulsets": defaultStatefulSet,
  "autoscaling/horizontalpodautoscalers": defaultAutoscaler,
  "batch/cronjobs": defaultCronJob,
  "batch/jobs": defaultJob,
  "discovery.k8s.io/endpointslices": defaultEndpointSlice,
  "networking.k8s.io/ingresses": defaultIngress,
  "networking.k8s.io/networkpolicies": defaultNetworkPolicy,
  "rbac.authorization.k8s.io/clusterrolebindings": defaultBinding,
  "rbac.authorization.k8s.io/rolebindings": defaultBinding,
  "scheduling.k8s.io/priorityclasses": defaultPriorityClass,
  "storage.k8s.io/storageclasses": defaultStorageClass,
};

export function defaultBuiltin(collection: string, object: KubeObject): void {
  defaulters[collection]?.(object);
}

/** What a new object's status is before any controller has seen it; whatever the client sent is dropped. */
const initialStatuses: Readonly<Record<string, unknown>> = {
  "/namespaces": { phase: "Active" },
  "/persistentvolumeclaims": { phase: "Pending" },
  "/persistentvolumes": { phase: "Pending" },
  "/pods": { phase: "Pending", qosClass: "BestEffort" },
  "/replicationcontrollers": { replicas: 0 },
  "/services": { loadBalancer: {} },
  "apps/daemonsets": { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  "apps/deployments": {},
  "apps/replicasets": { replicas: 0 },
  "apps/statefulsets": { replicas: 0, availableReplicas: 0 },
  "batch/cronjobs": {},
  "batch/jobs": {},
  "networking.k8s.io/ingresses": { loadBalancer: {} },
  "policy/poddisruptionbudgets": { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
};

/** Collections whose new objects may carry a status of their own. */
const keepsStatus = new Set(["/nodes", "apiregistration.k8s.io/apiservices"]);

export function initialStatus(collection: string, given: unknown): unknown {
  return keepsStatus.has(collection) ? given : initialStatuses[collection];
}
