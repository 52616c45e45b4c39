import { splitApiVersion, type KubeObject } from "./manifest.ts";

/** Built-in kinds that live outside namespaces. What others do only the cluster's discovery can say. */
const clusterScoped: ReadonlySet<string> = new Set([
  "APIService.apiregistration.k8s.io",
  "CSIDriver.storage.k8s.io",
  "CSINode.storage.k8s.io",
  "CertificateSigningRequest.certificates.k8s.io",
  "ClusterRole.rbac.authorization.k8s.io",
  "ClusterRoleBinding.rbac.authorization.k8s.io",
  "CustomResourceDefinition.apiextensions.k8s.io",
  "FlowSchema.flowcontrol.apiserver.k8s.io",
  "IngressClass.networking.k8s.io",
  "MutatingAdmissionPolicy.admissionregistration.k8s.io",
  "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
  "MutatingWebhookConfiguration.admissionregistration.k8s.io",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass.scheduling.k8s.io",
  "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io",
  "RuntimeClass.node.k8s.io",
  "StorageClass.storage.k8s.io",
  "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
  "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
  "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
  "VolumeAttachment.storage.k8s.io",
]);

/** Whether the kind is known to live outside namespaces; a namespace written on it means nothing (case 13). */
export function isClusterScoped({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): boolean {
  const { group } = splitApiVersion(apiVersion);
  return clusterScoped.has(group === "" ? kind : `${kind}.${group}`);
}
