import { isRecord, type JsonRecord } from "../json.ts";
import type { KubeObject, ObjectMeta } from "./object.ts";
import { canonicalQuantity } from "./quantity.ts";
import { fieldSchema } from "./type-schema.ts";
import type { MapSchema, TypeSchema } from "./type-schema.ts";

/**
 * A builtin kind's object as reading it into the real server's types and writing it out leaves it: without nulls
 * and without empty plain maps and lists, quantities in canonical form. Defaults are not this function's matter,
 * nor are custom resources, which are stored as they are sent. Returns the object itself when it is canonical.
 */
export function canonicalObject(object: KubeObject, schema: TypeSchema): KubeObject {
  return withoutAbsent(object, schema, canonicalQuantityOf) as KubeObject;
}

/** The part of `canonicalObject` that only takes away; quantities keep their spelling, by which an apply conflicts. */
export function withoutEmptyFields(object: KubeObject, schema: TypeSchema): KubeObject {
  return withoutAbsent(object, schema, (quantity) => quantity) as KubeObject;
}

/** Metadata of any kind, custom ones too, without what means nothing there: nulls, empty texts, lists and maps. */
export function canonicalMetadata(metadata: ObjectMeta): ObjectMeta {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value)));
}

type Rewrite = (quantity: unknown) => unknown;

function withoutAbsent(value: unknown, schema: TypeSchema, rewrite: Rewrite): unknown {
  switch (schema.kind) {
    case "scalar":
      return schema.type === "quantity" ? rewrite(value) : value;
    case "list": {
      if (!Array.isArray(value)) return value;
      const items = value.map((item: unknown) => withoutAbsent(item, schema.items, rewrite));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    case "map":
      return isRecord(value) ? withoutAbsentFields(value, schema, rewrite) : value;
    case "untyped":
      return value;
  }
}

function withoutAbsentFields(value: JsonRecord, schema: MapSchema, rewrite: Rewrite): JsonRecord {
  let changed: JsonRecord | undefined;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    if (type === undefined) continue;
    const next = withoutAbsent(item, type, rewrite);
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
  return schema.kind === "map" && schema.fields.size === 0 && isRecord(value) && isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function canonicalQuantityOf(value: unknown): unknown {
  return typeof value === "string" || typeof value === "number" ? canonicalQuantity(String(value)) : value;
}
