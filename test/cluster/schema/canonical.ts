import type { KubeObject } from "./object.ts";
import { canonicalQuantity } from "./quantity.ts";
import { fieldSchema } from "./type-schema.ts";
import type { MapSchema, TypeSchema } from "./type-schema.ts";

/**
 * A builtin kind's object as reading it into the real server's types and writing it out leaves it: without nulls
 * and without empty plain maps and lists, quantities in canonical form. Defaults are not this function's matter,
 * nor are custom resources, which are stored as they are sent. Returns the object itself when it is canonical.
 */
export function canonicalObject(object: KubeObject, schema: TypeSchema): KubeObject {
  return canonical(object, schema) as KubeObject;
}

function canonical(value: unknown, schema: TypeSchema): unknown {
  switch (schema.kind) {
    case "scalar":
      return schema.type === "quantity" ? quantity(value) : value;
    case "list": {
      if (!Array.isArray(value)) return value;
      const items = value.map((item: unknown) => canonical(item, schema.items));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    case "map":
      return isFields(value) ? canonicalFields(value, schema) : value;
    case "untyped":
      return value;
  }
}

function canonicalFields(value: Readonly<Record<string, unknown>>, schema: MapSchema): unknown {
  let changed: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    if (type === undefined) continue;
    const next = canonical(item, type);
    const dropped = isAbsent(next, type) && (item === null || !schema.present.has(key));
    if (next === item && !dropped) continue;
    changed ??= { ...value };
    if (dropped) delete changed[key];
    else changed[key] = next;
  }
  return changed ?? value;
}

function isAbsent(value: unknown, schema: TypeSchema): boolean {
  if (value === null || value === undefined) return schema.kind !== "untyped";
  if (schema.kind === "list") return Array.isArray(value) && value.length === 0;
  // An empty struct means something (`emptyDir: {}`), an empty map of labels does not.
  return schema.kind === "map" && schema.fields.size === 0 && isFields(value) && Object.keys(value).length === 0;
}

function quantity(value: unknown): unknown {
  if (typeof value === "number") return canonicalQuantity(String(value));
  return typeof value === "string" ? canonicalQuantity(value) : value;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
