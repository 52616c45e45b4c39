/**
 * Writes `builtin.json`: the types of the builtin kinds, from the OpenAPI v2 document of a real API server.
 *
 *   node test/cluster/schema/generate.ts DOCUMENT > test/cluster/schema/builtin.json
 *
 * DOCUMENT is a file or a URL (`kubectl get --raw /openapi/v2` prints it). The committed file comes from
 * kube-apiserver 1.20.2, the newest that the rig can build; what later versions added is written by hand in
 * `newer.json`, in the same form (see `definition.ts`). Descriptions are left out, definitions that no kind
 * reaches too. Kinds that 1.20 has only as beta take the name of the version in which they became stable.
 *
 * `by-value.json`, also by hand, names the fields that the real server's Go types hold as structs rather than as
 * pointers, and optional lists that they write even when empty: such fields always exist there, which decides who
 * owns them, and no OpenAPI document tells.
 */
import { readFile } from "node:fs/promises";

import type { Definition, TypeExpression } from "./definition.ts";

type OpenApiType = {
  $ref?: string;
  type?: string;
  format?: string;
  items?: OpenApiType;
  properties?: Record<string, OpenApiType>;
  additionalProperties?: OpenApiType;
  required?: string[];
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-patch-strategy"?: string;
  "x-kubernetes-patch-merge-key"?: string;
  "x-kubernetes-map-type"?: string;
};

const promoted: readonly [from: string, to: string][] = [
  ["io.k8s.api.batch.v1beta1.", "io.k8s.api.batch.v1."],
  ["io.k8s.api.policy.v1beta1.", "io.k8s.api.policy.v1."],
  ["io.k8s.api.autoscaling.v2beta2.", "io.k8s.api.autoscaling.v2."],
  ["io.k8s.api.discovery.v1beta1.", "io.k8s.api.discovery.v1."],
  ["io.k8s.api.flowcontrol.v1beta1.", "io.k8s.api.flowcontrol.v1."],
];
const promotedVersions: Readonly<Record<string, string>> = {
  "batch/v1beta1": "v1",
  "policy/v1beta1": "v1",
  "autoscaling/v2beta2": "v2",
  "discovery.k8s.io/v1beta1": "v1",
  "flowcontrol.apiserver.k8s.io/v1beta1": "v1",
};
const leftOut = /List$|Options$|\.v\d+(alpha|beta)\d+\.|PodSecurityPolicy|\.version\.Info$|WatchEvent$|meta\.v1\.API/;

function promote(name: string): string {
  const found = promoted.find(([from]) => name.startsWith(from));
  return found === undefined ? name : found[1] + name.slice(found[0].length);
}

function scalar(type: OpenApiType): TypeExpression {
  switch (type.format) {
    case "int32":
    case "int64":
    case "double":
    case "byte":
    case "date-time":
    case "int-or-string":
      return type.format;
    default:
      if (type.type === "string" || type.type === "boolean") return type.type;
      if (type.type === "integer") return "int64";
      if (type.type === "number") return "double";
      return "any";
  }
}

function reference(type: OpenApiType & { $ref: string }): TypeExpression {
  const name = promote(type.$ref.replace("#/definitions/", ""));
  if (name === "io.k8s.apimachinery.pkg.api.resource.Quantity") return "quantity";
  const strategy = type["x-kubernetes-patch-strategy"];
  return strategy === undefined ? `#${name}` : { ref: name, strategy };
}

function expression(type: OpenApiType): TypeExpression {
  if (type.$ref !== undefined) return reference({ ...type, $ref: type.$ref });
  if (type.type === "array") {
    const listType = type["x-kubernetes-list-type"];
    const keys = type["x-kubernetes-list-map-keys"];
    const strategy = type["x-kubernetes-patch-strategy"];
    const mergeKey = type["x-kubernetes-patch-merge-key"];
    return {
      list: expression(type.items ?? {}),
      ...(listType === undefined ? {} : { type: listType }),
      ...(keys === undefined ? {} : { keys }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(mergeKey === undefined ? {} : { mergeKey }),
    };
  }
  if (type.type === "object") return type.additionalProperties ? { map: expression(type.additionalProperties) } : "any";
  return scalar(type);
}

function definition(type: OpenApiType): Definition {
  const kinds = (type["x-kubernetes-group-version-kind"] ?? []).map(
    ({ group, version, kind }) => [group, promotedVersions[`${group}/${version}`] ?? version, kind] as const,
  );
  const known = kinds.length === 1 ? { kinds } : {};
  if (type.properties === undefined) return { is: expression(type), ...known };
  const fields = Object.entries(type.properties).map(([name, field]) => [name, expression(field)] as const);
  return {
    fields: Object.fromEntries(fields),
    ...(type.required === undefined ? {} : { required: type.required }),
    ...(type["x-kubernetes-map-type"] === "atomic" ? { atomic: true } : {}),
    ...known,
  };
}

function references(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("#") ? [value.slice(1)] : [];
  if (typeof value !== "object" || value === null) return [];
  const own = "ref" in value && typeof value.ref === "string" ? [value.ref] : [];
  return [...own, ...Object.values(value).flatMap((item) => references(item))];
}

function reachable(all: ReadonlyMap<string, Definition>): [string, Definition][] {
  const wanted = [...all].filter(([name, { kinds }]) => kinds !== undefined && !leftOut.test(name));
  const found = new Map<string, Definition>();
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    if (found.has(next[0])) continue;
    found.set(next[0], next[1]);
    for (const name of references(next[1].fields)) {
      const target = all.get(name);
      if (target !== undefined) wanted.push([name, target]);
    }
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

async function read(source: string): Promise<string> {
  if (!/^https?:/.test(source)) return readFile(source, "utf8");
  const response = await fetch(source, { signal: AbortSignal.timeout(30_000) });
  return response.text();
}

const source = process.argv[2];
if (source === undefined) {
  process.stderr.write("usage: node generate.ts FILE-OR-URL-OF-OPENAPI-V2\n");
  process.exit(2);
}
const document = JSON.parse(await read(source)) as { definitions: Record<string, OpenApiType> };
const all = new Map<string, Definition>();
for (const [name, type] of Object.entries(document.definitions)) {
  // A version that is stable in the document wins over the beta that would take its name.
  if (promote(name) === name || !(promote(name) in document.definitions)) all.set(promote(name), definition(type));
}
const lines = reachable(all).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
process.stdout.write(`{\n${lines.join(",\n")}\n}\n`);
