import { recordAt, type JsonRecord } from "../json.ts";
import { parseApiVersion } from "../resources/kinds.ts";
import messages from "./messages.json" with { type: "json" };
import { bytesOf, numberOf, readFields, textOf, type WireField } from "./wire.ts";

/**
 * Bodies in protobuf: what kubectl's imperative commands (`create namespace`, `create deployment`, `run`) send for
 * builtin kinds. Only requests are read so; answers are always JSON, which every client accepts.
 */
export const protobufType = "application/vnd.kubernetes.protobuf";

const magic = Buffer.from("k8s\0");
const meta = "apimachinery.pkg.apis.meta.v1";
const oneByOne: Readonly<Record<string, (fields: readonly WireField[]) => unknown>> = {
  [`${meta}.Time`]: timeOf,
  [`${meta}.MicroTime`]: timeOf,
  [`${meta}.FieldsV1`]: (fields) => jsonOf(bytesOf(fields, 1)),
  "apimachinery.pkg.runtime.RawExtension": (fields) => jsonOf(bytesOf(fields, 1)),
  "apimachinery.pkg.api.resource.Quantity": (fields) => textOf(fields, 1) || undefined,
  "apimachinery.pkg.util.intstr.IntOrString": (fields) =>
    numberOf(fields, 1) === 1 ? (textOf(fields, 3) ?? "") : (numberOf(fields, 2) ?? 0),
};

/** Messages that Go embeds: their fields are the parent's own in JSON. */
const embedded = new Set([
  "ephemeralContainerCommon",
  "handler",
  "ingressRuleValue",
  "localObjectReference",
  "persistentVolumeSource",
  "volumeSource",
]);

/**
 * Go writes plain fields even when they are zero, and pointers only when they are set; the wire does not tell which is
 * which. Zeros are dropped unless the field is one of these pointers, where zero means something.
 */
const meaningfulZeros = new Set([
  "allowPrivilegeEscalation",
  "automountServiceAccountToken",
  "backoffLimit",
  "completions",
  "enableServiceLinks",
  "expirationSeconds",
  "failedJobsHistoryLimit",
  "gracePeriodSeconds",
  "minReplicas",
  "parallelism",
  "partition",
  "replicas",
  "revisionHistoryLimit",
  "runAsGroup",
  "runAsNonRoot",
  "runAsUser",
  "successfulJobsHistoryLimit",
  "terminationGracePeriodSeconds",
  "ttlSecondsAfterFinished",
]);

/** Reads an enveloped object into the JSON it stands for. Throws when it is malformed or of an unknown kind. */
export function decodeProtobuf(body: Buffer): JsonRecord {
  if (!body.subarray(0, magic.length).equals(magic)) throw new Error("the protobuf body lacks its prefix");
  const envelope = readFields(body.subarray(magic.length));
  const type = readFields(bytesOf(envelope, 1) ?? Buffer.alloc(0));
  const apiVersion = textOf(type, 1) ?? "";
  const kind = textOf(type, 2) ?? "";
  const name = messageName(apiVersion, kind);
  if (name === undefined) throw new Error(`no protobuf message is known for ${apiVersion} ${kind}`);
  return { apiVersion, kind, ...decodeMessage(name, readFields(bytesOf(envelope, 2) ?? Buffer.alloc(0))) };
}

/** Kinds whose message the tables have under an earlier version. */
const earlierVersions: Readonly<Record<string, string>> = {
  autoscaling: "v2beta2",
  batch: "v1beta1",
  policy: "v1beta1",
};

function messageName(apiVersion: string, kind: string): string | undefined {
  if (kind === "DeleteOptions") return `${meta}.DeleteOptions`;
  // Newer than the tables, and a question without content.
  if (kind === "SelfSubjectReview") return `${meta}.PartialObjectMetadata`;
  const { group, version } = parseApiVersion(apiVersion);
  const name = group === "" ? "core" : (group.split(".")[0] ?? "");
  const candidates = [version, earlierVersions[name] ?? version].map((each) => `api.${name}.${each}.${kind}`);
  return candidates.find((each) => fieldsOf(each) !== undefined);
}

type FieldType = { readonly name: string; readonly type: string; readonly shape: "single" | "list" | "map" };

const parsed = new Map<string, ReadonlyMap<number, FieldType>>();

function fieldsOf(message: string): ReadonlyMap<number, FieldType> | undefined {
  const known = parsed.get(message);
  if (known !== undefined) return known;
  const line = new Map(Object.entries(messages)).get(message);
  if (line === undefined) return undefined;
  const fields = line.split(" ").map((field): [number, FieldType] => {
    const [number = "", name = "", type = ""] = field.split(":");
    const shape = type.startsWith("*") ? "list" : type.startsWith("%") ? "map" : "single";
    return [Number(number), { name, type: type.replace(/^[*%]/u, ""), shape }];
  });
  const table = new Map(fields);
  parsed.set(message, table);
  return table;
}

function decodeMessage(message: string, fields: readonly WireField[]): JsonRecord {
  const table = fieldsOf(message);
  const decoded: JsonRecord = {};
  for (const { number, value } of fields) {
    const field = table?.get(number);
    // Fields that came after the tables were made are not understood, like unknown fields in JSON.
    if (field !== undefined) addField(decoded, field, value);
  }
  return decoded;
}

function addField(target: JsonRecord, field: FieldType, value: bigint | Buffer): void {
  const { name, type, shape } = field;
  if (shape === "list") {
    const known = target[name];
    const list: unknown[] = Array.isArray(known) ? known : [];
    target[name] = [...list, decodeValue(type, value)];
  } else if (shape === "map") {
    const entry = Buffer.isBuffer(value) ? readFields(value) : [];
    const mapped = entry.find((each) => each.number === 2)?.value ?? Buffer.alloc(0);
    target[name] = { ...recordAt(target, name), [textOf(entry, 1) ?? ""]: decodeValue(type, mapped) };
  } else {
    const decoded = decodeValue(type, value);
    if (embedded.has(name) && typeof decoded === "object") Object.assign(target, decoded);
    else if (!isDroppedZero(name, decoded)) target[name] = decoded;
  }
}

function isDroppedZero(name: string, value: unknown): boolean {
  if (value === undefined || value === "") return true;
  return (value === 0 || value === false) && !meaningfulZeros.has(name);
}

function decodeValue(type: string, value: bigint | Buffer): unknown {
  if (typeof value === "bigint") return type === "bool" ? value !== 0n : Number(value);
  switch (type) {
    case "string":
      return value.toString("utf8");
    case "bytes":
      return value.toString("base64");
    case "double":
      return value.readDoubleLE();
    default: {
      const fields = readFields(value);
      const special = oneByOne[type];
      return special === undefined ? decodeMessage(type, fields) : special(fields);
    }
  }
}

function timeOf(fields: readonly WireField[]): string | undefined {
  const seconds = numberOf(fields, 1);
  return seconds === undefined ? undefined : new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/u, "Z");
}

function jsonOf(bytes: Buffer | undefined): unknown {
  return bytes === undefined || bytes.length === 0 ? undefined : (JSON.parse(bytes.toString("utf8")) as unknown);
}
