import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

import { bytesOf, numberOf, readFields, textOf, type WireField } from "./wire.ts";

/**
 * Writes messages.json from the file descriptors that a kube-apiserver up to 1.34 carries, for instance the rig's:
 * `node test/cluster/protobuf/generate.ts ~/.cache/drover/kube-1.20.2/kube-apiserver`. Field
 * numbers never change, so those of an old server are right for new clients; fields of later years are skipped.
 */
const packages = [
  "k8s.io.api.apps.v1.",
  "k8s.io.api.authentication.v1.",
  "k8s.io.api.authorization.v1.",
  "k8s.io.api.autoscaling.v1.",
  "k8s.io.api.autoscaling.v2beta2.",
  "k8s.io.api.batch.v1.",
  "k8s.io.api.batch.v1beta1.",
  "k8s.io.api.coordination.v1.",
  "k8s.io.api.core.v1.",
  "k8s.io.api.networking.v1.",
  "k8s.io.api.policy.v1beta1.",
  "k8s.io.api.rbac.v1.",
  "k8s.io.api.scheduling.v1.",
  "k8s.io.api.storage.v1.",
  "k8s.io.apimachinery.pkg.apis.meta.v1.",
];

const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);
const prefix = "k8s.io.";

const labelRepeated = 3;
const typeBool = 8;
const typeMessage = 11;
const typeBytes = 12;
const typeString = 9;
const typeDouble = 1;

const messages = new Map<string, string>();
const program = process.argv[2];
if (program === undefined) throw new Error("usage: node test/cluster/protobuf/generate.ts PATH-OF-KUBE-APISERVER");
for (const file of descriptors(await readFile(program))) {
  const name = textOf(file, 2) ?? "";
  for (const message of all(file, 4)) addMessage(`${name}.`, readFields(message));
}
const sorted = [...messages].sort(([a], [b]) => (a < b ? -1 : 1));
await writeFile(
  new URL("messages.json", import.meta.url),
  `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`,
);

/** Every gzipped FileDescriptorProto of Kubernetes in the program's data. */
function* descriptors(data: Buffer): Generator<WireField[]> {
  for (let at = data.indexOf(gzipMagic); at !== -1; at = data.indexOf(gzipMagic, at + 1)) {
    const unzipped = tryGunzip(data.subarray(at, at + 200_000));
    if (unzipped?.subarray(0, 120).includes("k8s.io/") !== true) continue;
    yield readFields(unzipped);
  }
}

function tryGunzip(data: Buffer): Buffer | undefined {
  try {
    return gunzipSync(data);
  } catch {
    return undefined;
  }
}

function all(fields: readonly WireField[], number: number): Buffer[] {
  return fields.flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []));
}

function addMessage(packageName: string, message: WireField[]): void {
  const name = `${packageName}${textOf(message, 1) ?? ""}`;
  if (!packages.some((each) => name.startsWith(each))) return;
  const entries = new Map(all(message, 3).map((nested) => [textOf(readFields(nested), 1) ?? "", readFields(nested)]));
  const fields = all(message, 2).map((bytes) => {
    const field = readFields(bytes);
    const repeated = numberOf(field, 4) === labelRepeated;
    const nested = entries.get((textOf(field, 6) ?? "").split(".").at(-1) ?? "");
    const valueField =
      nested === undefined
        ? undefined
        : all(nested, 2)
            .map(readFields)
            .find((each) => numberOf(each, 3) === 2);
    const type = valueField === undefined ? `${repeated ? "*" : ""}${typeOf(field)}` : `%${typeOf(valueField)}`;
    return `${numberOf(field, 3) ?? 0}:${textOf(field, 1) ?? ""}:${type}`;
  });
  messages.set(name.slice(prefix.length), fields.join(" "));
}

function typeOf(field: readonly WireField[]): string {
  switch (numberOf(field, 5)) {
    case typeMessage:
      return (textOf(field, 6) ?? "").slice(1 + prefix.length);
    case typeString:
      return "string";
    case typeBytes:
      return "bytes";
    case typeBool:
      return "bool";
    case typeDouble:
      return "double";
    default:
      return bytesOf(field, 6) === undefined ? "int" : "string";
  }
}
