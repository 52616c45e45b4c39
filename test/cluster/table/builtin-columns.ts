import { at, listAt, numberAt, recordAt, recordsAt, textAt, textsAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { ageOf, formatDuration } from "./age.ts";
import { ageColumn, integer, nameColumn, text, wide, type Column } from "./columns.ts";

const none = "<none>";

const containersOf = (object: KubeObject): Record<string, unknown>[] =>
  recordsAt(object, "spec", "template", "spec", "containers");
const joined = (values: readonly unknown[]): string => (values.length === 0 ? none : values.map(String).join(","));

const containerNames = wide("Containers", (object) => joined(containersOf(object).map((each) => textAt(each, "name"))));
const images = wide("Images", (object) => joined(containersOf(object).map((each) => textAt(each, "image"))));
const selector = wide("Selector", (object) => labelsText(textsAt(object, "spec", "selector", "matchLabels")));

/** Columns between name and age, by collection; kinds without an entry show their name and age. */
export const builtinColumns: Readonly<Record<string, readonly Column[]>> = {
  "/configmaps": [text("Data", (object) => keyCount(object, "data") + keyCount(object, "binaryData"))],
  "/endpoints": [text("Endpoints", endpointsText)],
  "/namespaces": [text("Status", (object) => textAt(object, "status", "phase") ?? "")],
  "/persistentvolumeclaims": [
    text("Status", (object) => textAt(object, "status", "phase") ?? ""),
    text("Volume", (object) => textAt(object, "spec", "volumeName") ?? ""),
    text("Capacity", (object) => textAt(object, "status", "capacity", "storage") ?? ""),
    text("Access Modes", (object) => accessModes(listAt(object, "status", "accessModes"))),
    text("StorageClass", (object) => textAt(object, "spec", "storageClassName") ?? ""),
    text("VolumeAttributesClass", () => "<unset>"),
    wide("VolumeMode", (object) => textAt(object, "spec", "volumeMode") ?? ""),
  ],
  "/persistentvolumes": [
    text("Capacity", (object) => textAt(object, "spec", "capacity", "storage") ?? ""),
    text("Access Modes", (object) => accessModes(listAt(object, "spec", "accessModes"))),
    text("Reclaim Policy", (object) => textAt(object, "spec", "persistentVolumeReclaimPolicy") ?? ""),
    text("Status", (object) => textAt(object, "status", "phase") ?? ""),
    text("Claim", (object) => {
      const name = textAt(object, "spec", "claimRef", "name");
      return name === undefined ? "" : `${textAt(object, "spec", "claimRef", "namespace") ?? ""}/${name}`;
    }),
    text("StorageClass", (object) => textAt(object, "spec", "storageClassName") ?? ""),
  ],
  "/pods": [
    text("Ready", (object) => {
      const statuses = recordsAt(object, "status", "containerStatuses");
      return `${statuses.filter((each) => each["ready"] === true).length}/${listAt(object, "spec", "containers").length}`;
    }),
    text("Status", podStatus),
    text("Restarts", (object) =>
      String(
        recordsAt(object, "status", "containerStatuses").reduce(
          (sum, each) => sum + (numberAt(each, "restartCount") ?? 0),
          0,
        ),
      ),
    ),
    wide("IP", (object) => textAt(object, "status", "podIP") ?? none),
    wide("Node", (object) => textAt(object, "spec", "nodeName") ?? none),
    wide("Nominated Node", () => none),
    wide("Readiness Gates", () => none),
  ],
  "/resourcequotas": [text("Request", () => ""), text("Limit", () => "")],
  "/secrets": [
    text("Type", (object) => textAt(object, "type") ?? ""),
    text("Data", (object) => keyCount(object, "data")),
  ],
  "/serviceaccounts": [text("Secrets", (object) => listAt(object, "secrets").length)],
  "/services": [
    text("Type", (object) => textAt(object, "spec", "type") ?? ""),
    text("Cluster-IP", (object) => textAt(object, "spec", "clusterIP") ?? none),
    text("External-IP", externalAddress),
    text("Port(s)", servicePorts),
    wide("Selector", (object) => labelsText(textsAt(object, "spec", "selector"))),
  ],
  "apiregistration.k8s.io/apiservices": [
    text("Service", (object) => textAt(object, "spec", "service", "name") ?? "Local"),
    text("Available", (object) => conditionOf(object, "Available") ?? "Unknown"),
  ],
  "apps/daemonsets": [
    integer("Desired", status("desiredNumberScheduled")),
    integer("Current", status("currentNumberScheduled")),
    integer("Ready", status("numberReady")),
    integer("Up-to-date", status("updatedNumberScheduled")),
    integer("Available", status("numberAvailable")),
    text("Node Selector", (object) => labelsText(textsAt(object, "spec", "template", "spec", "nodeSelector"))),
    containerNames,
    images,
    selector,
  ],
  "apps/deployments": [
    text("Ready", readyOfReplicas),
    text("Up-to-date", status("updatedReplicas")),
    text("Available", status("availableReplicas")),
    containerNames,
    images,
    selector,
  ],
  "apps/replicasets": [
    integer("Desired", (object) => numberAt(object, "spec", "replicas") ?? 0),
    integer("Current", status("replicas")),
    integer("Ready", status("readyReplicas")),
    containerNames,
    images,
    selector,
  ],
  "apps/statefulsets": [text("Ready", readyOfReplicas), containerNames, images],
  "autoscaling/horizontalpodautoscalers": [
    text(
      "Reference",
      (object) =>
        `${textAt(object, "spec", "scaleTargetRef", "kind") ?? ""}/${textAt(object, "spec", "scaleTargetRef", "name") ?? ""}`,
    ),
    text("Targets", () => "<unknown>"),
    text("MinPods", (object) => String(numberAt(object, "spec", "minReplicas") ?? "<unset>")),
    integer("MaxPods", (object) => numberAt(object, "spec", "maxReplicas") ?? 0),
    integer("Replicas", status("currentReplicas")),
  ],
  "batch/cronjobs": [
    text("Schedule", (object) => textAt(object, "spec", "schedule") ?? ""),
    text("Timezone", (object) => textAt(object, "spec", "timeZone") ?? none),
    text("Suspend", (object) => (recordAt(object, "spec")?.["suspend"] === true ? "True" : "False")),
    integer("Active", (object) => listAt(object, "status", "active").length),
    text("Last Schedule", (object, nowMs) => {
      const last = textAt(object, "status", "lastScheduleTime");
      return last === undefined ? none : ageOf(last, nowMs);
    }),
  ],
  "batch/jobs": [
    text("Status", jobStatus),
    text("Completions", (object) => `${status("succeeded")(object)}/${numberAt(object, "spec", "completions") ?? 1}`),
    text("Duration", (object, nowMs) => {
      const start = textAt(object, "status", "startTime");
      if (start === undefined) return "";
      const end = textAt(object, "status", "completionTime");
      return formatDuration((end === undefined ? nowMs : Date.parse(end)) - Date.parse(start));
    }),
    containerNames,
    images,
    selector,
  ],
  "coordination.k8s.io/leases": [text("Holder", (object) => textAt(object, "spec", "holderIdentity") ?? "")],
  "networking.k8s.io/ingresses": [
    text("Class", (object) => textAt(object, "spec", "ingressClassName") ?? none),
    text("Hosts", (object) => {
      const hosts = recordsAt(object, "spec", "rules").flatMap((rule) => textAt(rule, "host") ?? []);
      return hosts.length === 0 ? "*" : hosts.join(",");
    }),
    text("Address", (object) => joinedAddresses(object) ?? ""),
    text("Ports", (object) => (listAt(object, "spec", "tls").length > 0 ? "80, 443" : "80")),
  ],
  "networking.k8s.io/networkpolicies": [
    text("Pod-Selector", (object) => labelsText(textsAt(object, "spec", "podSelector", "matchLabels"))),
  ],
  "policy/poddisruptionbudgets": [
    text("Min Available", (object) => amountText(at(object, "spec", "minAvailable"))),
    text("Max Unavailable", (object) => amountText(at(object, "spec", "maxUnavailable"))),
    integer("Allowed Disruptions", status("disruptionsAllowed")),
  ],
  "rbac.authorization.k8s.io/clusterrolebindings": [text("Role", roleText)],
  "rbac.authorization.k8s.io/rolebindings": [text("Role", roleText)],
  "storage.k8s.io/storageclasses": [
    text("Provisioner", (object) => textAt(object, "provisioner") ?? ""),
    text("ReclaimPolicy", (object) => textAt(object, "reclaimPolicy") ?? ""),
    text("VolumeBindingMode", (object) => textAt(object, "volumeBindingMode") ?? ""),
  ],
};

const createdAt = text("Created At", (object) => object.metadata.creationTimestamp ?? "");

/** All columns of the kinds that do not begin with their name, or show no age, or show it elsewhere. */
export const unusualColumns: Readonly<Record<string, readonly Column[]>> = {
  "/events": [
    text("Last Seen", (object, nowMs) => ageOf(textAt(object, "lastTimestamp") ?? textAt(object, "eventTime"), nowMs)),
    text("Type", (object) => textAt(object, "type") ?? ""),
    text("Reason", (object) => textAt(object, "reason") ?? ""),
    text("Object", (object) => {
      const kind = (textAt(object, "involvedObject", "kind") ?? "").toLowerCase();
      return `${kind}/${textAt(object, "involvedObject", "name") ?? ""}`;
    }),
    wide("Source", (object) => textAt(object, "source", "component") ?? ""),
    text("Message", (object) => (textAt(object, "message") ?? "").trim()),
    wide("Count", (object) => String(numberAt(object, "count") ?? 1)),
    wide("Name", (object) => object.metadata.name ?? ""),
  ],
  "/nodes": [
    nameColumn,
    text("Status", (object) => {
      const isUnschedulable = at(object, "spec", "unschedulable") === true;
      return `${conditionOf(object, "Ready") === "True" ? "Ready" : "NotReady"}${isUnschedulable ? ",SchedulingDisabled" : ""}`;
    }),
    text("Roles", () => none),
    ageColumn,
    text("Version", (object) => textAt(object, "status", "nodeInfo", "kubeletVersion") ?? ""),
    wide("Internal-IP", (object) => textAt(recordsAt(object, "status", "addresses")[0], "address") ?? none),
    wide("OS-Image", (object) => textAt(object, "status", "nodeInfo", "osImage") ?? ""),
  ],
  "apiextensions.k8s.io/customresourcedefinitions": [nameColumn, createdAt],
  "rbac.authorization.k8s.io/clusterroles": [nameColumn, createdAt],
  "rbac.authorization.k8s.io/roles": [nameColumn, createdAt],
};

function status(field: string): (object: KubeObject) => number {
  return (object) => numberAt(object, "status", field) ?? 0;
}

function keyCount(object: KubeObject, field: string): number {
  return Object.keys(recordAt(object, field) ?? {}).length;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return joined(Object.entries(labels).map(([key, value]) => `${key}=${value}`));
}

function conditionOf(object: KubeObject, type: string): string | undefined {
  return textAt(
    recordsAt(object, "status", "conditions").find((each) => each["type"] === type),
    "status",
  );
}

function readyOfReplicas(object: KubeObject): string {
  return `${status("readyReplicas")(object)}/${numberAt(object, "spec", "replicas") ?? 0}`;
}

const modeNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function accessModes(modes: readonly unknown[]): string {
  return modes.map((mode) => modeNames[String(mode)] ?? String(mode)).join(",");
}

function podStatus(object: KubeObject): string {
  if (object.metadata.deletionTimestamp !== undefined) return "Terminating";
  for (const container of recordsAt(object, "status", "containerStatuses")) {
    const reason =
      textAt(container, "state", "waiting", "reason") ?? textAt(container, "state", "terminated", "reason");
    if (reason !== undefined) return reason;
  }
  return textAt(object, "status", "reason") ?? textAt(object, "status", "phase") ?? "";
}

function jobStatus(object: KubeObject): string {
  if (conditionOf(object, "Complete") === "True") return "Complete";
  if (conditionOf(object, "Failed") === "True") return "Failed";
  return conditionOf(object, "Suspended") === "True" ? "Suspended" : "Running";
}

function joinedAddresses(object: KubeObject): string | undefined {
  const addresses = recordsAt(object, "status", "loadBalancer", "ingress").flatMap(
    (each) => textAt(each, "ip") ?? textAt(each, "hostname") ?? [],
  );
  return addresses.length === 0 ? undefined : addresses.join(",");
}

function externalAddress(object: KubeObject): string {
  const type = textAt(object, "spec", "type");
  if (type === "ExternalName") return textAt(object, "spec", "externalName") ?? "";
  if (type !== "LoadBalancer") return none;
  return joinedAddresses(object) ?? "<pending>";
}

function servicePorts(object: KubeObject): string {
  return joined(
    recordsAt(object, "spec", "ports").map((port) => {
      const node = numberAt(port, "nodePort");
      return `${numberAt(port, "port") ?? ""}${node === undefined ? "" : `:${node}`}/${textAt(port, "protocol") ?? ""}`;
    }),
  );
}

function endpointsText(object: KubeObject): string {
  return joined(
    recordsAt(object, "subsets").flatMap((subset) => {
      const port = numberAt(recordsAt(subset, "ports")[0], "port");
      return recordsAt(subset, "addresses").map(
        (each) => `${textAt(each, "ip") ?? ""}${port === undefined ? "" : `:${port}`}`,
      );
    }),
  );
}

function roleText(object: KubeObject): string {
  return `${textAt(object, "roleRef", "kind") ?? ""}/${textAt(object, "roleRef", "name") ?? ""}`;
}

function amountText(value: unknown): string {
  return typeof value === "number" || typeof value === "string" ? String(value) : "N/A";
}
