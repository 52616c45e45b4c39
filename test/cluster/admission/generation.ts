import { equalJson, without } from "../json.ts";
import { hasStatus, type ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";

/** Builtin collections whose objects count their spec's changes in `metadata.generation`. */
const counted = new Set([
  "/pods",
  "/replicationcontrollers",
  "apps/daemonsets",
  "apps/deployments",
  "apps/replicasets",
  "apps/statefulsets",
  "apiextensions.k8s.io/customresourcedefinitions",
  "admissionregistration.k8s.io/mutatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingadmissionpolicies",
  "admissionregistration.k8s.io/validatingadmissionpolicybindings",
  "admissionregistration.k8s.io/validatingwebhookconfigurations",
  "batch/cronjobs",
  "batch/jobs",
  "discovery.k8s.io/endpointslices",
  "networking.k8s.io/ingresses",
  "networking.k8s.io/ingressclasses",
  "networking.k8s.io/networkpolicies",
  "policy/poddisruptionbudgets",
  "flowcontrol.apiserver.k8s.io/flowschemas",
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
  "scheduling.k8s.io/priorityclasses",
]);

export function countsGeneration(kind: ServedKind): boolean {
  return kind.custom !== undefined || counted.has(kind.collection);
}

/** Whether an update asks for something else: a change outside of metadata and status. */
export function changesSpec(kind: ServedKind, live: KubeObject, object: KubeObject): boolean {
  const ignored = ["apiVersion", "metadata", ...(hasStatus(kind) ? ["status"] : [])];
  if (!equalJson(without(live, ...ignored), without(object, ...ignored))) return true;
  // A Deployment's annotations travel to its ReplicaSets, so they count as well.
  return (
    kind.collection === "apps/deployments" &&
    !equalJson(live.metadata.annotations ?? {}, object.metadata.annotations ?? {})
  );
}
