import { isRecord } from "../json.ts";
import type { KubeObject } from "./object.ts";
import { ruleErrors } from "./rules.ts";
import { fieldSchema } from "./type-schema.ts";
import type { ScalarType, TypeSchema } from "./type-schema.ts";

export type FieldError = { readonly field: string; readonly message: string };

/** Paths of fields that the schema does not declare, as a real server names them: `spec.containers[0].foo`. */
export function unknownFields(object: KubeObject, schema: TypeSchema): string[] {
  const found: string[] = [];
  collectUnknown(object, schema, "", found);
  return found;
}

function collectUnknown(value: unknown, schema: TypeSchema, path: string, found: string[]): void {
  if (schema.kind === "list" && Array.isArray(value)) {
    for (const [index, item] of value.entries()) collectUnknown(item, schema.items, `${path}[${index}]`, found);
  }
  if (schema.kind !== "map" || !isRecord(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    if (type === undefined) found.push(join(path, key));
    else collectUnknown(item, type, join(path, key), found);
  }
}

/** The object without undeclared fields. Returns the object itself when it has none. */
export function pruneUnknown(object: KubeObject, schema: TypeSchema): KubeObject {
  return prune(object, schema) as KubeObject;
}

function prune(value: unknown, schema: TypeSchema): unknown {
  if (schema.kind === "list" && Array.isArray(value)) {
    const items = value.map((item: unknown) => prune(item, schema.items));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (schema.kind !== "map" || !isRecord(value)) return value;
  let pruned: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    const kept = type === undefined ? undefined : prune(item, type);
    if (type !== undefined && kept === item) continue;
    pruned ??= { ...value };
    if (type === undefined) delete pruned[key];
    else pruned[key] = kept;
  }
  return pruned ?? value;
}

/**
 * Values that do not have the type that the schema declares, and for custom resources also those that break a
 * rule (required, enum, pattern, bounds). Messages follow the real server's, without quoting values.
 */
export function typeErrors(object: KubeObject, schema: TypeSchema): FieldError[] {
  const errors: FieldError[] = [];
  validate(object, schema, "", errors);
  return errors;
}

function validate(value: unknown, schema: TypeSchema, path: string, errors: FieldError[]): void {
  if (value === undefined) return;
  if (value === null) {
    if (schema.rules !== undefined && schema.rules.nullable !== true) {
      errors.push({
        field: path,
        message: `Invalid value: "null": ${path} in body must be of type ${typeName(schema)}: "null"`,
      });
    }
    return;
  }
  if (!hasType(value, schema)) {
    const message = `Invalid value: "${nameOf(value)}": ${path} in body must be of type ${typeName(schema)}: "${nameOf(value)}"`;
    errors.push({ field: path, message });
    return;
  }
  if (schema.rules !== undefined) errors.push(...ruleErrors(value, schema.rules, { path, matches }));
  if (schema.kind === "list" && Array.isArray(value)) {
    for (const [index, item] of value.entries()) validate(item, schema.items, `${path}[${index}]`, errors);
  }
  if (schema.kind !== "map" || !isRecord(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    if (type !== undefined) validate(item, type, join(path, key), errors);
  }
}

function matches(value: unknown, schema: TypeSchema): boolean {
  const errors: FieldError[] = [];
  validate(value, schema, "", errors);
  return errors.length === 0;
}

function hasType(value: unknown, schema: TypeSchema): boolean {
  switch (schema.kind) {
    case "untyped":
      return true;
    case "list":
      return Array.isArray(value);
    case "map":
      return isRecord(value);
    case "scalar":
      return scalarChecks[schema.type](value);
  }
}

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => typeof value === "number";
const isInteger = (value: unknown): boolean => Number.isInteger(value);

const scalarChecks: Readonly<Record<ScalarType, (value: unknown) => boolean>> = {
  string: isText,
  bytes: isText,
  time: isText,
  number: isNumber,
  integer: isInteger,
  boolean: (value) => typeof value === "boolean",
  intOrString: (value) => isText(value) || isInteger(value),
  quantity: (value) => isText(value) || isNumber(value),
};

const scalarNames: Readonly<Record<ScalarType, string>> = {
  string: "string",
  bytes: "string",
  time: "string",
  number: "number",
  integer: "integer",
  boolean: "boolean",
  intOrString: "integer,string",
  quantity: "string",
};

function typeName(schema: TypeSchema): string {
  switch (schema.kind) {
    case "scalar":
      return scalarNames[schema.type];
    case "map":
      return "object";
    case "list":
      return "array";
    case "untyped":
      return "any";
  }
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
