import type { ServedKind } from "./kinds.ts";

const always = ["metadata.name", "metadata.namespace"];

/** What a `fieldSelector` may name besides the name and namespace, by collection. */
const extra: Readonly<Record<string, readonly string[]>> = {
  "/pods": [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  "/events": [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  "/namespaces": ["status.phase"],
  "/nodes": ["spec.unschedulable"],
  "/persistentvolumes": [],
  "/replicationcontrollers": ["status.replicas"],
  "/secrets": ["type"],
  "/services": ["spec.clusterIP", "spec.type"],
  "apps/replicasets": ["status.replicas"],
  "batch/jobs": ["status.successful"],
  "certificates.k8s.io/certificatesigningrequests": ["spec.signerName"],
};

const cache = new Map<string, ReadonlySet<string>>();

export function supportedFields(kind: ServedKind): ReadonlySet<string> {
  if (kind.custom !== undefined) return new Set([...always, ...kind.custom.selectableFields]);
  let fields = cache.get(kind.collection);
  if (fields === undefined) {
    fields = new Set([...always, ...(extra[kind.collection] ?? [])]);
    cache.set(kind.collection, fields);
  }
  return fields;
}
