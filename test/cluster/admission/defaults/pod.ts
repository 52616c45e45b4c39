import { ensureRecord, fill, isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "../../json.ts";

/** Values that every pod spec gets where it says nothing. */
const podSpecDefaults = {
  restartPolicy: "Always",
  terminationGracePeriodSeconds: 30,
  dnsPolicy: "ClusterFirst",
  securityContext: {},
  schedulerName: "default-scheduler",
};

const containerDefaults = {
  resources: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};

const probeDefaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

const fileMode = 0o644;

/** Defaults of each volume source, by the name of its field. */
const volumeDefaults: Readonly<Record<string, JsonRecord>> = {
  configMap: { defaultMode: fileMode },
  secret: { defaultMode: fileMode },
  downwardAPI: { defaultMode: fileMode },
  projected: { defaultMode: fileMode },
  hostPath: { type: "" },
  iscsi: { iscsiInterface: "default" },
};

/** Fills in a pod spec; the template of a workload keeps what only admission gives to real pods. */
export function defaultPodSpec(spec: JsonRecord): void {
  const serviceAccount = textAt(spec, "serviceAccountName") ?? textAt(spec, "serviceAccount");
  if (serviceAccount !== undefined && serviceAccount !== "") {
    fill(spec, { serviceAccount, serviceAccountName: serviceAccount });
  }
  fill(spec, podSpecDefaults);
  for (const field of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const container of recordsAt(spec, field)) defaultContainer(container, spec);
  }
  for (const volume of recordsAt(spec, "volumes")) defaultVolume(volume);
}

function defaultContainer(container: JsonRecord, spec: JsonRecord): void {
  fill(container, { ...containerDefaults, imagePullPolicy: pullPolicy(textAt(container, "image") ?? "") });
  for (const port of recordsAt(container, "ports")) {
    fill(port, { protocol: "TCP" });
    if (spec["hostNetwork"] === true) fill(port, { hostPort: port["containerPort"] });
  }
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const found = recordAt(container, probe);
    if (found !== undefined) defaultProbe(found);
  }
  for (const hook of ["postStart", "preStop"]) defaultHttpGet(recordAt(container, "lifecycle", hook));
  for (const variable of recordsAt(container, "env")) {
    const reference = recordAt(variable, "valueFrom", "fieldRef");
    if (reference !== undefined) fill(reference, { apiVersion: "v1" });
  }
  defaultRequests(container);
}

/** A limit without a request is the request too. */
function defaultRequests(container: JsonRecord): void {
  const limits = recordAt(container, "resources", "limits");
  const resources = recordAt(container, "resources");
  if (limits === undefined || resources === undefined || Object.keys(limits).length === 0) return;
  fill(ensureRecord(resources, "requests"), limits);
}

function defaultProbe(probe: JsonRecord): void {
  fill(probe, probeDefaults);
  defaultHttpGet(probe);
  const grpc = recordAt(probe, "grpc");
  if (grpc !== undefined) fill(grpc, { service: "" });
}

function defaultHttpGet(handler: unknown): void {
  const get = recordAt(handler, "httpGet");
  if (get !== undefined) fill(get, { path: "/", scheme: "HTTP" });
}

function defaultVolume(volume: JsonRecord): void {
  const sources = Object.keys(volume).filter((key) => key !== "name");
  if (sources.length === 0) volume["emptyDir"] = {};
  for (const [source, defaults] of Object.entries(volumeDefaults)) {
    const found = volume[source];
    if (isRecord(found)) fill(found, defaults);
  }
  for (const item of [...recordsAt(volume, "downwardAPI", "items"), ...projectedItems(volume)]) {
    const reference = recordAt(item, "fieldRef");
    if (reference !== undefined) fill(reference, { apiVersion: "v1" });
  }
  for (const source of recordsAt(volume, "projected", "sources")) {
    const token = recordAt(source, "serviceAccountToken");
    if (token !== undefined) fill(token, { expirationSeconds: 3600 });
  }
}

function projectedItems(volume: JsonRecord): JsonRecord[] {
  return recordsAt(volume, "projected", "sources").flatMap((source) => recordsAt(source, "downwardAPI", "items"));
}

/** `Always` for a moving tag, as the real server decides it. */
function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf("/") + 1);
  if (name.includes("@")) return "IfNotPresent";
  const tag = name.includes(":") ? name.slice(name.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}
