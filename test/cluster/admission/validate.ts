import type { Cause } from "../http/status.ts";
import { at, listAt, recordAt, recordsAt, textAt, textsAt } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { duplicate, invalidValue, notSupported, required, tooLong } from "./causes.ts";
import { checkDefinition } from "./validate-definition.ts";
import { checkNotNegative, checkPodSpec, checkPort, checkSelector, checkTemplate } from "./validate-pod.ts";
import { checkWebhooks } from "./validate-webhooks.ts";

type Check = (object: KubeObject) => Cause[];

const dataLimitBytes = 1024 * 1024;
const dataKey = /^[-._a-zA-Z0-9]+$/u;

/** Rules beyond the shape of a kind, as far as manifests of ordinary applications meet them. */
const checks: Readonly<Record<string, Check>> = {
  "/configmaps": checkConfigMap,
  "/persistentvolumeclaims": checkClaim,
  "/pods": (object) => checkPodSpec(recordAt(object, "spec") ?? {}, "spec"),
  "/secrets": checkSecret,
  "/services": checkService,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": checkWebhooks,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": checkWebhooks,
  "apiextensions.k8s.io/customresourcedefinitions": checkDefinition,
  "apps/daemonsets": (object) => checkWorkload(object["spec"]),
  "apps/deployments": (object) => checkWorkload(object["spec"]),
  "apps/replicasets": (object) => checkWorkload(object["spec"]),
  "apps/statefulsets": (object) => checkWorkload(object["spec"]),
  "batch/cronjobs": checkCronJob,
  "batch/jobs": (object) => checkJob(object["spec"], "spec"),
  "networking.k8s.io/ingresses": checkIngress,
  "rbac.authorization.k8s.io/clusterrolebindings": checkBinding,
  "rbac.authorization.k8s.io/clusterroles": checkRole,
  "rbac.authorization.k8s.io/rolebindings": checkBinding,
  "rbac.authorization.k8s.io/roles": checkRole,
};

export function checkBuiltin(kind: ServedKind, object: KubeObject): Cause[] {
  return checks[kind.collection]?.(object) ?? [];
}

function checkWorkload(spec: unknown): Cause[] {
  return [
    ...checkNotNegative(spec, "replicas", "spec"),
    ...checkSelector(spec, "spec"),
    ...checkTemplate(spec, "spec"),
  ];
}

function checkJob(spec: unknown, field: string): Cause[] {
  return [
    ...["parallelism", "completions", "backoffLimit"].flatMap((name) => checkNotNegative(spec, name, field)),
    ...checkTemplate(spec, field, ["OnFailure", "Never"]),
  ];
}

function checkCronJob(object: KubeObject): Cause[] {
  const schedule = textAt(object, "spec", "schedule") ?? "";
  const fields = schedule.trim().split(/\s+/u).length;
  const readable = schedule.startsWith("@") || fields === 5;
  return [
    ...(schedule === "" ? [required("spec.schedule")] : []),
    ...(schedule === "" || readable
      ? []
      : [invalidValue("spec.schedule", schedule, `expected exactly 5 fields, found ${fields}: [${schedule}]`)]),
    ...checkJob(at(object, "spec", "jobTemplate", "spec"), "spec.jobTemplate.spec"),
  ];
}

function checkConfigMap(object: KubeObject): Cause[] {
  const keys = ["data", "binaryData"].flatMap((field) => checkKeys(object, field));
  const bytes = sizeOf(textsAt(object, "data"), "utf8") + sizeOf(textsAt(object, "binaryData"), "base64");
  return bytes > dataLimitBytes ? [...keys, tooLong("", dataLimitBytes)] : keys;
}

function checkSecret(object: KubeObject): Cause[] {
  const keys = checkKeys(object, "data");
  const data = textsAt(object, "data");
  const size = sizeOf(data, "base64") > dataLimitBytes ? [tooLong("data", dataLimitBytes)] : [];
  const needed = requiredKeys[textAt(object, "type") ?? ""] ?? [];
  const missing = needed.filter((key) => data[key] === undefined).map((key) => required(`data[${key}]`));
  return [...keys, ...size, ...missing];
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

function checkKeys(object: KubeObject, field: string): Cause[] {
  const rule =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  const keys = Object.keys(recordAt(object, field) ?? {});
  return keys.filter((key) => !dataKey.test(key)).map((key) => invalidValue(`${field}[${key}]`, key, rule));
}

function sizeOf(values: Readonly<Record<string, string>>, encoding: "utf8" | "base64"): number {
  return Object.values(values).reduce((bytes, value) => bytes + Buffer.byteLength(value, encoding), 0);
}

function checkClaim(object: KubeObject): Cause[] {
  return [
    ...(listAt(object, "spec", "accessModes").length === 0
      ? [required("spec.accessModes", "at least 1 access mode is required")]
      : []),
    ...(at(object, "spec", "resources", "requests", "storage") === undefined
      ? [required("spec.resources[storage]")]
      : []),
  ];
}

const serviceTypes = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

function checkService(object: KubeObject): Cause[] {
  const type = textAt(object, "spec", "type") ?? "";
  const ports = recordsAt(object, "spec", "ports");
  const headless = textAt(object, "spec", "clusterIP") === "None";
  const causes: Cause[] = [];
  if (!serviceTypes.includes(type)) causes.push(notSupported("spec.type", type, serviceTypes));
  if (ports.length === 0 && !headless && type !== "ExternalName") causes.push(required("spec.ports"));
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const field = `spec.ports[${i}]`;
    const name = textAt(port, "name") ?? "";
    const number = `${String(port["port"])}/${String(port["protocol"])}`;
    if (name === "" && ports.length > 1) causes.push(required(`${field}.name`));
    if (name !== "" && names.has(name)) causes.push(duplicate(`${field}.name`, name));
    causes.push(...checkPort(port["port"], `${field}.port`));
    if (numbers.has(number)) causes.push(duplicate(field, { port: port["port"], protocol: port["protocol"] }));
    names.add(name);
    numbers.add(number);
  }
  return causes;
}

function checkIngress(object: KubeObject): Cause[] {
  const spec = recordAt(object, "spec");
  if (recordsAt(spec, "rules").length === 0 && recordAt(spec, "defaultBackend") === undefined) {
    return [invalidValue("spec", spec?.["rules"] ?? [], "either `defaultBackend` or `rules` must be specified")];
  }
  return recordsAt(spec, "rules").flatMap((rule, i) =>
    recordsAt(rule, "http", "paths").flatMap((path, j) =>
      textAt(path, "pathType") === undefined
        ? [required(`spec.rules[${i}].http.paths[${j}].pathType`, "pathType must be specified")]
        : [],
    ),
  );
}

function checkBinding(object: KubeObject): Cause[] {
  const kinds = object.kind === "ClusterRoleBinding" ? ["ClusterRole"] : ["Role", "ClusterRole"];
  const kind = textAt(object, "roleRef", "kind") ?? "";
  return [
    ...(kinds.includes(kind) ? [] : [notSupported("roleRef.kind", kind, kinds)]),
    ...((textAt(object, "roleRef", "name") ?? "") === "" ? [required("roleRef.name")] : []),
    ...recordsAt(object, "subjects").flatMap((subject, i) => [
      ...((textAt(subject, "name") ?? "") === "" ? [required(`subjects[${i}].name`)] : []),
      ...(subject["kind"] === "ServiceAccount" && (textAt(subject, "namespace") ?? "") === ""
        ? [required(`subjects[${i}].namespace`)]
        : []),
    ]),
  ];
}

function checkRole(object: KubeObject): Cause[] {
  return recordsAt(object, "rules").flatMap((rule, i) => {
    const field = `rules[${i}]`;
    const isAbsent = (name: string): boolean => listAt(rule, name).length === 0;
    const verbs = isAbsent("verbs") ? [required(`${field}.verbs`, "verbs must contain at least one value")] : [];
    if (!isAbsent("nonResourceURLs")) return verbs;
    const groups = "resource rules must supply at least one api group";
    const resources = "resource rules must supply at least one resource";
    return [
      ...verbs,
      ...(isAbsent("apiGroups") ? [required(`${field}.apiGroups`, groups)] : []),
      ...(isAbsent("resources") ? [required(`${field}.resources`, resources)] : []),
    ];
  });
}
