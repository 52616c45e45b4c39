import { ensureRecord, fill, recordAt, recordsAt, textAt, textsAt, type JsonRecord } from "../../json.ts";
import type { KubeObject } from "../../schema/schema.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export function defaultBinding(object: KubeObject): void {
  const role = recordAt(object, "roleRef");
  if (role !== undefined) fill(role, { apiGroup: rbacGroup });
  for (const subject of recordsAt(object, "subjects")) {
    if (subject["kind"] !== "ServiceAccount") fill(subject, { apiGroup: rbacGroup });
    if (subject["apiGroup"] === "") delete subject["apiGroup"];
  }
}

/** `stringData` is write-only: it ends up in `data`. */
export function defaultSecret(object: KubeObject): void {
  fill(object, { type: "Opaque" });
  const plain = Object.entries(textsAt(object, "stringData"));
  if (plain.length > 0) {
    const data = ensureRecord(object, "data");
    for (const [key, value] of plain) data[key] = Buffer.from(value).toString("base64");
  }
  delete object["stringData"];
}

export function defaultClaim(object: KubeObject): void {
  fill(ensureRecord(object, "spec"), { volumeMode: "Filesystem" });
}

export function defaultVolume(object: KubeObject): void {
  fill(ensureRecord(object, "spec"), { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" });
}

export function defaultNamespace(object: KubeObject): void {
  object.metadata.labels = { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name ?? "" };
  fill(ensureRecord(object, "spec"), { finalizers: ["kubernetes"] });
}

export function defaultStorageClass(object: KubeObject): void {
  fill(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
}

export function defaultPriorityClass(object: KubeObject): void {
  fill(object, { preemptionPolicy: "PreemptLowerPriority" });
}

/** Only v1beta1 has a default type of paths; v1 refuses a path without one. */
export function defaultIngress(object: KubeObject): void {
  if (!object.apiVersion.endsWith("/v1beta1")) return;
  for (const rule of recordsAt(object, "spec", "rules")) {
    for (const path of recordsAt(rule, "http", "paths")) fill(path, { pathType: "ImplementationSpecific" });
  }
}

export function defaultNetworkPolicy(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  const hasEgress = recordsAt(spec, "egress").length > 0;
  fill(spec, { policyTypes: hasEgress ? ["Ingress", "Egress"] : ["Ingress"] });
  for (const rule of [...recordsAt(spec, "ingress"), ...recordsAt(spec, "egress")]) {
    for (const port of recordsAt(rule, "ports")) fill(port, { protocol: "TCP" });
  }
}

const webhookDefaults = {
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  namespaceSelector: {},
  objectSelector: {},
  timeoutSeconds: 10,
};

export function defaultWebhooks(object: KubeObject): void {
  for (const webhook of recordsAt(object, "webhooks")) {
    fill(webhook, webhookDefaults);
    if (object.kind === "MutatingWebhookConfiguration") fill(webhook, { reinvocationPolicy: "Never" });
    for (const rule of recordsAt(webhook, "rules")) fill(rule, { scope: "*" });
    const service = recordAt(webhook, "clientConfig", "service");
    if (service !== undefined) fill(service, { port: 443 });
  }
}

export function defaultDefinition(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  const names = ensureRecord(spec, "names");
  const kind = textAt(names, "kind") ?? "";
  fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  fill(spec, { conversion: { strategy: "None" } });
  for (const version of recordsAt(spec, "versions")) defaultPrinterColumns(version);
}

function defaultPrinterColumns(version: JsonRecord): void {
  for (const column of recordsAt(version, "additionalPrinterColumns"))
    if (column["priority"] === 0) delete column["priority"];
}

export function defaultApiService(object: KubeObject): void {
  const service = recordAt(object, "spec", "service");
  if (service !== undefined) fill(service, { port: 443 });
}

export function defaultEndpoints(object: KubeObject): void {
  for (const subset of recordsAt(object, "subsets"))
    for (const port of recordsAt(subset, "ports")) fill(port, { protocol: "TCP" });
}

export function defaultEndpointSlice(object: KubeObject): void {
  for (const port of recordsAt(object, "ports")) fill(port, { name: "", protocol: "TCP" });
}

export function defaultLimitRange(object: KubeObject): void {
  for (const limit of recordsAt(object, "spec", "limits")) {
    if (limit["type"] !== "Container") continue;
    const limits = recordAt(limit, "max");
    if (limits !== undefined) fill(ensureRecord(limit, "default"), limits);
    const defaults = recordAt(limit, "default");
    if (defaults !== undefined) fill(ensureRecord(limit, "defaultRequest"), defaults);
  }
}
