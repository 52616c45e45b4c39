import { builtin, objectMetaName } from "./builtin.ts";
import type { ListSchema, MapSchema, ScalarType, TypeSchema, ValueRules } from "./type-schema.ts";

/** OpenAPI v3 as it stands in `spec.versions[].schema.openAPIV3Schema` of a CustomResourceDefinition. */
type OpenApiV3 = Omit<ValueRules, "required" | "allOf" | "anyOf" | "oneOf" | "not"> & {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, OpenApiV3>>;
  readonly additionalProperties?: boolean | OpenApiV3;
  readonly items?: OpenApiV3;
  readonly required?: readonly string[];
  readonly allOf?: readonly OpenApiV3[];
  readonly anyOf?: readonly OpenApiV3[];
  readonly oneOf?: readonly OpenApiV3[];
  readonly not?: OpenApiV3;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "granular" | "atomic";
};

/**
 * The schema of a custom resource's version, with apiVersion, kind and metadata added. `preserveUnknownFields` is
 * the field of that name in the definition's spec: nothing is unknown then. Without a schema everything is allowed.
 */
export function schemaFromCrd(openAPIV3Schema: unknown, preserveUnknownFields: boolean): TypeSchema {
  const document = isDocument(openAPIV3Schema) ? openAPIV3Schema : { "x-kubernetes-preserve-unknown-fields": true };
  const root = resource({ ...document, type: "object" }, preserveUnknownFields);
  return { ...root, present: new Set(["metadata"]) };
}

function convert(document: OpenApiV3, preserve: boolean): TypeSchema {
  const rules = rulesOf(document);
  if (document["x-kubernetes-embedded-resource"] === true) return resource(document, preserve);
  if (document["x-kubernetes-int-or-string"] === true) return { kind: "scalar", type: "intOrString", rules };
  switch (document.type) {
    case "array":
      return list(document, preserve);
    case "object":
      return map(document, preserve);
    case undefined:
      return document.properties === undefined ? { kind: "untyped", rules } : map(document, preserve);
    default:
      return { kind: "scalar", type: scalarTypes[document.type] ?? "string", rules };
  }
}

const scalarTypes: Readonly<Record<string, ScalarType>> = {
  string: "string",
  integer: "integer",
  number: "number",
  boolean: "boolean",
};

function resource(document: OpenApiV3, preserve: boolean): MapSchema {
  const schema = map(document, preserve);
  const fields = new Map<string, TypeSchema>(schema.fields);
  fields.set("apiVersion", { kind: "scalar", type: "string" });
  fields.set("kind", { kind: "scalar", type: "string" });
  fields.set("metadata", builtin.schemaOf(objectMetaName));
  return { ...schema, fields, embedded: true };
}

function map(document: OpenApiV3, preserve: boolean): MapSchema {
  const fields = Object.entries(document.properties ?? {}).map(
    ([name, field]) => [name, convert(field, preserve)] as const,
  );
  return {
    kind: "map",
    fields: new Map(fields),
    additional: additionalOf(document, preserve),
    present: new Set(),
    atomic: document["x-kubernetes-map-type"] === "atomic",
    rules: rulesOf(document),
  };
}

function additionalOf(document: OpenApiV3, preserve: boolean): TypeSchema | undefined {
  const { additionalProperties } = document;
  if (isDocument(additionalProperties)) return convert(additionalProperties, preserve);
  if (additionalProperties === true || preserve) return { kind: "untyped" };
  return document["x-kubernetes-preserve-unknown-fields"] === true ? { kind: "untyped" } : undefined;
}

function list(document: OpenApiV3, preserve: boolean): ListSchema {
  const items = document.items ?? {};
  const relationship = document["x-kubernetes-list-type"] ?? "atomic";
  const keys = relationship === "map" ? (document["x-kubernetes-list-map-keys"] ?? []) : [];
  const defaults = keys.map((key) => [key, items.properties?.[key]?.default] as const);
  return {
    kind: "list",
    items: convert(items, preserve),
    relationship,
    keys,
    keyDefaults: Object.fromEntries(defaults.filter(([, value]) => value !== undefined)),
    rules: rulesOf(document),
  };
}

const plainRules = [
  "required",
  "enum",
  "format",
  "pattern",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
  "nullable",
  "default",
] as const;

function rulesOf(document: OpenApiV3): ValueRules | undefined {
  const rules: Record<string, unknown> = {};
  for (const name of plainRules) if (document[name] !== undefined) rules[name] = document[name];
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    // Inside a combination only values are constrained; structure comes from outside, so nothing is unknown there.
    if (document[name] !== undefined) rules[name] = document[name].map((branch) => convert(branch, true));
  }
  if (document.not !== undefined) rules["not"] = convert(document.not, true);
  return Object.keys(rules).length === 0 ? undefined : rules;
}

function isDocument(value: unknown): value is OpenApiV3 {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
