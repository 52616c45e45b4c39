import { isRecord } from "../json.ts";
import { SchemaError } from "../schema/error.ts";
import type { ListSchema, MapSchema, TypeSchema } from "../schema/type-schema.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** How a value is treated: as one leaf, as a map of fields, or as a list of items with an identity. */
export type Shape =
  | { readonly kind: "leaf" }
  | { readonly kind: "map"; readonly schema: MapSchema }
  | { readonly kind: "list"; readonly schema: ListSchema };

const leaf: Shape = { kind: "leaf" };
const deducedMap: Shape = {
  kind: "map",
  schema: { kind: "map", fields: new Map(), additional: { kind: "untyped" }, present: new Set(), atomic: false },
};
const shapes = new WeakMap<TypeSchema, Shape>();

/** The shape of a value of this type; for an untyped one it depends on the value. */
export function shapeOf(schema: TypeSchema, value: unknown): Shape {
  if (schema.kind === "untyped") return isRecord(value) ? deducedMap : leaf;
  if (schema.kind === "scalar") return leaf;
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = shapeOfContainer(schema);
  shapes.set(schema, shape);
  return shape;
}

function shapeOfContainer(schema: MapSchema | ListSchema): Shape {
  if (schema.kind === "map") return schema.atomic ? leaf : { kind: "map", schema };
  return schema.relationship === "atomic" ? leaf : { kind: "list", schema };
}

/** An absent, null or empty container: those are leaves, so that `{}` and nothing stay distinguishable. */
export function isHollow(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object") return false;
  for (const _ in value) return false;
  return true;
}

/** The path element of a list's item in its wire form; throws SchemaError when the item has no identity. */
export function elementOf(list: ListSchema, item: unknown): string {
  if (list.relationship === "set") {
    if (typeof item === "object") {
      throw new SchemaError({ field: "", message: "associative list without keys has an element that's not a scalar" });
    }
    return `v:${JSON.stringify(item)}`;
  }
  if (!isRecord(item)) {
    throw new SchemaError({ field: "", message: "associative list with keys may not have non-map elements" });
  }
  const [onlyKey] = list.keys;
  if (onlyKey !== undefined && list.keys.length === 1) return `k:{${keyText(list, item, onlyKey)}}`;
  const parts = list.keys.toSorted().map((key) => keyText(list, item, key));
  return `k:{${parts.join(",")}}`;
}

function keyText(list: ListSchema, item: Fields, key: string): string {
  return `${JSON.stringify(key)}:${JSON.stringify(keyValue(list, item, key))}`;
}

function keyValue(list: ListSchema, item: Fields, key: string): unknown {
  const value = item[key] ?? list.keyDefaults[key];
  if (value !== undefined) return value;
  const message = `associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`;
  throw new SchemaError({ field: "", message });
}
