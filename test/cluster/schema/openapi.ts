import type { Definition, Definitions, ScalarName, TypeExpression } from "./definition.ts";

/** Writes stored definitions as OpenAPI v2, with the extensions that kubectl reads. */
export function openApiFrom(definitions: Definitions): Record<string, unknown> {
  const documents = Object.entries(definitions).map(([name, definition]) => [name, definitionDocument(definition)]);
  return { ...Object.fromEntries(documents), [quantityName]: { type: "string" } } as Record<string, unknown>;
}

const quantityName = "io.k8s.apimachinery.pkg.api.resource.Quantity";

function definitionDocument(definition: Definition): Record<string, unknown> {
  const kinds = definition.kinds?.map(([group, version, kind]) => ({ group, version, kind }));
  const identity = kinds === undefined ? {} : { "x-kubernetes-group-version-kind": kinds };
  if (definition.fields === undefined) return { ...typeDocument(definition.is ?? "any"), ...identity };
  const properties = Object.entries(definition.fields).map(([name, type]) => [name, typeDocument(type)]);
  for (const [name, value] of Object.entries(definition.defaults ?? {})) {
    const property = properties.find(([field]) => field === name);
    if (property !== undefined) property[1] = { ...typeDocument(definition.fields[name] ?? "any"), default: value };
  }
  return {
    type: "object",
    ...(definition.required === undefined ? {} : { required: definition.required }),
    properties: Object.fromEntries(properties) as Record<string, unknown>,
    ...(definition.atomic === true ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...identity,
  };
}

function typeDocument(type: TypeExpression): Record<string, unknown> {
  if (typeof type === "string") {
    return isScalar(type) ? scalarDocuments[type] : { $ref: `#/definitions/${type.slice(1)}` };
  }
  if ("ref" in type) return { $ref: `#/definitions/${type.ref}`, "x-kubernetes-patch-strategy": type.strategy };
  if ("map" in type) {
    const atomic = type.atomic === true ? { "x-kubernetes-map-type": "atomic" } : {};
    return { type: "object", additionalProperties: typeDocument(type.map), ...atomic };
  }
  return {
    type: "array",
    items: typeDocument(type.list),
    ...(type.type === undefined ? {} : { "x-kubernetes-list-type": type.type }),
    ...(type.keys === undefined ? {} : { "x-kubernetes-list-map-keys": type.keys }),
    ...(type.strategy === undefined ? {} : { "x-kubernetes-patch-strategy": type.strategy }),
    ...(type.mergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": type.mergeKey }),
  };
}

const scalarDocuments: Readonly<Record<ScalarName, Record<string, unknown>>> = {
  string: { type: "string" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  boolean: { type: "boolean" },
  byte: { type: "string", format: "byte" },
  "date-time": { type: "string", format: "date-time" },
  "int-or-string": { type: "string", format: "int-or-string" },
  quantity: { $ref: `#/definitions/${quantityName}` },
  any: { type: "object" },
};

function isScalar(type: string): type is ScalarName {
  return type in scalarDocuments;
}
