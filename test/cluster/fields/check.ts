import { isRecord } from "../json.ts";
import { SchemaError } from "../schema/error.ts";
import type { KubeObject } from "../schema/object.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { ListSchema, MapSchema, ScalarType, TypeSchema } from "../schema/type-schema.ts";
import { formatElement } from "./set.ts";
import { elementOf } from "./value.ts";

type Problem = { readonly field: string; readonly message: string };

/**
 * Checks that an applied configuration fits its schema: declared fields, right types, list items with unique
 * keys. Throws one SchemaError that names every problem, in the words of the real server but without the values.
 */
export function checkApplied(applied: KubeObject, schema: TypeSchema): void {
  if (applied.metadata.managedFields !== undefined) {
    throw new SchemaError({ field: "metadata.managedFields", message: "metadata.managedFields must be nil" });
  }
  const problems: Problem[] = [];
  check(applied, schema, { path: "", problems });
  const [first] = problems;
  if (first === undefined) return;
  const { namespace, name = "" } = applied.metadata;
  const [group, version] = splitApiVersion(applied.apiVersion);
  const who = `${namespace === undefined ? "" : namespace}/${name}; ${group}${version}, Kind=${applied.kind}`;
  const lines = problems.map(({ field, message }) => `${field}: ${message}`);
  const text = lines.length === 1 ? lines.join() : ["errors:", ...lines.map((line) => `  ${line}`)].join("\n");
  throw new SchemaError({ field: first.field, message: `failed to create typed patch object (${who}): ${text}` });
}

function splitApiVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? ["/", apiVersion] : [apiVersion.slice(0, slash + 1), apiVersion.slice(slash + 1)];
}

type Where = { readonly path: string; readonly problems: Problem[] };

function check(value: unknown, schema: TypeSchema, where: Where): void {
  if (value === null || value === undefined || schema.kind === "untyped") return;
  if (schema.kind === "scalar") checkScalar(value, schema.type, where);
  else if (schema.kind === "map") checkMap(value, schema, where);
  else checkList(value, schema, where);
}

const expected: Readonly<Record<ScalarType, readonly [text: string, types: readonly string[]]>> = {
  string: ["string", ["string"]],
  bytes: ["string", ["string"]],
  time: ["string", ["string"]],
  integer: ["numeric (int or float)", ["number"]],
  number: ["numeric (int or float)", ["number"]],
  boolean: ["boolean", ["boolean"]],
  intOrString: ["integer or string", ["number", "string"]],
  quantity: ["integer or string", ["number", "string"]],
};

function checkScalar(value: unknown, type: ScalarType, where: Where): void {
  const [text, types] = expected[type];
  if (!types.includes(typeof value)) report(where, `expected ${text}, got ${nameOf(value)}`);
}

function checkMap(value: unknown, schema: MapSchema, where: Where): void {
  if (!isRecord(value)) {
    report(where, `expected map, got ${nameOf(value)}`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    const below = { ...where, path: `${where.path}.${key}` };
    if (type === undefined) report(below, "field not declared in schema");
    else check(item, type, below);
  }
}

function checkList(value: unknown, schema: ListSchema, where: Where): void {
  if (!Array.isArray(value)) {
    report(where, `expected list, got ${nameOf(value)}`);
    return;
  }
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const element = elementAt(schema, item, index, where);
    if (element === undefined) continue;
    if (seen.has(element)) report(where, `duplicate entries for key ${formatElement(element)}`);
    seen.add(element);
    check(item, schema.items, { ...where, path: where.path + formatElement(element) });
  }
}

function elementAt(schema: ListSchema, item: unknown, index: number, where: Where): string | undefined {
  if (schema.relationship === "atomic") return `i:${index}`;
  try {
    return elementOf(schema, item);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    report(where, `element ${index}: ${error.message}`);
    return undefined;
  }
}

function report({ path, problems }: Where, message: string): void {
  problems.push({ field: path, message });
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "list";
  return typeof value === "object" ? "map" : typeof value;
}
