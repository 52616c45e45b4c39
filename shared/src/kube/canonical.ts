import { isRecord, type JsonRecord } from "../json.ts";
import { splitApiVersion, type KubeObject, type ObjectMetadata } from "./manifest.ts";
import { mergeTypeOf } from "./merge-keys.ts";
import { isClusterScoped } from "./scope.ts";

type Fields = Record<string, unknown>;

/** What only a server sets. In Git these are left over from `kubectl get -o yaml`, and some make an apply fail. */
const serverFields: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generateName",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
]);
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
/** Maps of texts of built-in kinds: an empty one is the same as none, an empty `emptyDir` or `podSelector` is not. */
const textMaps: ReadonlySet<string> = new Set([
  "annotations",
  "binaryData",
  "data",
  "labels",
  "limits",
  "matchLabels",
  "nodeSelector",
  "requests",
]);
const metadataContainers: ReadonlySet<string> = new Set(["annotations", "finalizers", "labels", "ownerReferences"]);

/** What came out of `canonicalize`: of an application with 20,000 objects a copy of each is worth sparing. */
const canonical = new WeakSet<KubeObject>();

/**
 * The form in which an object is compared, digested and applied (apply-engines §6): without what only servers set, nulls
 * and empties that a server drops, and with the defaults that are part of a merge key. Without this every apply would
 * write. Canonical twice is the same as once, and the same object; the argument stays as it is.
 */
export function canonicalize(object: KubeObject): KubeObject {
  if (canonical.has(object)) return object;
  const { status: _status, metadata, ...rest } = object;
  const builtIn = mergeTypeOf(object) !== undefined;
  const body = dropEmpties(fillProtocols(mergeStringData(rest)), builtIn);
  const { apiVersion, kind } = object;
  const result = { ...body, apiVersion, kind, metadata: canonicalMetadata(object, metadata) };
  canonical.add(result);
  return result;
}

function canonicalMetadata(object: KubeObject, metadata: ObjectMetadata): ObjectMetadata {
  const result: Fields = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (serverFields.has(key) || value === null) continue;
    if (key === "namespace" && (value === "" || isClusterScoped(object))) continue;
    const kept = key === "annotations" && isRecord(value) ? withoutKey(value, lastApplied) : value;
    const clean = dropNulls(kept);
    if (metadataContainers.has(key) && isEmpty(clean)) continue;
    result[key] = clean;
  }
  return { ...result, name: metadata.name };
}

/** A key that leaves `stringData` would stay in the live `data`; converted, it leaves that too (case 5). */
function mergeStringData(object: JsonRecord): JsonRecord {
  const { stringData, ...rest } = object;
  if (!isKind(object, "", "Secret") || !isRecord(stringData)) return object;
  const data: Fields = isRecord(rest["data"]) ? { ...rest["data"] } : {};
  for (const [key, value] of Object.entries(stringData)) {
    if (typeof value === "string") data[key] = encodeBase64(value);
  }
  return { ...rest, data };
}

function encodeBase64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCodePoint(byte);
  return btoa(binary);
}

const podSpecPaths: Readonly<Record<string, readonly string[]>> = {
  CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
  DaemonSet: ["spec", "template", "spec"],
  Deployment: ["spec", "template", "spec"],
  Job: ["spec", "template", "spec"],
  Pod: ["spec"],
  PodTemplate: ["template", "spec"],
  ReplicaSet: ["spec", "template", "spec"],
  ReplicationController: ["spec", "template", "spec"],
  StatefulSet: ["spec", "template", "spec"],
};

/** The protocol is part of what identifies a port; servers up to 1.20 answer 500 when it is missing (case 6). */
function fillProtocols(object: JsonRecord): JsonRecord {
  if (isKind(object, "", "Service")) return changeAt(object, ["spec", "ports"], fillList);
  const { group, kind } = typeOf(object);
  const path = Object.hasOwn(podSpecPaths, kind) ? podSpecPaths[kind] : undefined;
  if (path === undefined || !["", "apps", "batch"].includes(group)) return object;
  return changeAt(object, path, (spec) => {
    if (!isRecord(spec)) return spec;
    return ["containers", "initContainers", "ephemeralContainers"].reduce<JsonRecord>(
      (changed, list) => changeAt(changed, [list], fillContainers),
      spec,
    );
  });
}

function fillContainers(containers: unknown): unknown {
  if (!Array.isArray(containers)) return containers;
  return containers.map((item: unknown) => (isRecord(item) ? changeAt(item, ["ports"], fillList) : item));
}

function fillList(ports: unknown): unknown {
  if (!Array.isArray(ports)) return ports;
  return ports.map((port: unknown) => (isRecord(port) ? { ...port, protocol: port["protocol"] ?? "TCP" } : port));
}

/** Copies the maps on the way; does nothing where the path does not exist. */
function changeAt(record: JsonRecord, path: readonly string[], change: (value: unknown) => unknown): JsonRecord {
  const [key = "", ...rest] = path;
  if (!Object.hasOwn(record, key)) return record;
  const value = record[key];
  if (rest.length === 0) return { ...record, [key]: change(value) };
  return isRecord(value) ? { ...record, [key]: changeAt(value, rest, change) } : record;
}

/** In kinds that are not built in, an empty list or map may mean something; a null never does. */
function dropEmpties(record: JsonRecord, builtIn: boolean): JsonRecord {
  const result: Fields = {};
  for (const [key, value] of Object.entries(record)) {
    if (value === null) continue;
    const clean = dropWithin(value, builtIn);
    if (builtIn && isEmpty(clean) && (Array.isArray(clean) || textMaps.has(key))) continue;
    result[key] = clean;
  }
  return result;
}

function dropWithin(value: unknown, builtIn: boolean): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => dropWithin(item, builtIn));
  return isRecord(value) ? dropEmpties(value, builtIn) : value;
}

function dropNulls(value: unknown): unknown {
  return dropWithin(value, false);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

function withoutKey(record: JsonRecord, unwanted: string): JsonRecord {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== unwanted));
}

function typeOf(object: JsonRecord): { readonly group: string; readonly kind: string } {
  const { apiVersion, kind } = object;
  const group = typeof apiVersion === "string" ? splitApiVersion(apiVersion).group : "";
  return { group, kind: typeof kind === "string" ? kind : "" };
}

function isKind(object: JsonRecord, group: string, kind: string): boolean {
  const type = typeOf(object);
  return type.group === group && type.kind === kind;
}
