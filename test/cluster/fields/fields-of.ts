import { isRecord } from "../json.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { ListSchema, MapSchema, TypeSchema } from "../schema/type-schema.ts";
import { indexItems } from "./compare.ts";
import { descend, newSet } from "./set.ts";
import type { FieldSet, FieldSetBuilder } from "./set.ts";
import { isHollow, shapeOf } from "./value.ts";

/** The paths that a value sets: what a manager that applies it wants to own. */
export function fieldsOf(value: unknown, schema: TypeSchema): FieldSet {
  const root = newSet();
  collect(root, value, schema);
  return root;
}

function collect(node: FieldSetBuilder, value: unknown, schema: TypeSchema): void {
  const shape = shapeOf(schema, value);
  if (shape.kind === "leaf") node.member = true;
  else if (shape.kind === "map") collectMap(node, value, shape.schema);
  else collectList(node, value, shape.schema);
}

function collectMap(node: FieldSetBuilder, value: unknown, schema: MapSchema): void {
  if (!isRecord(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const type = fieldSchema(schema, key);
    if (type === undefined || item === undefined) continue;
    const child = descend(node, `f:${key}`);
    collect(child, item, type);
    if (item === null || (isRecord(item) && isHollow(item)) || !schema.fields.has(key)) child.member = true;
  }
}

function collectList(node: FieldSetBuilder, value: unknown, schema: ListSchema): void {
  if (!Array.isArray(value)) return;
  for (const [element, items] of indexItems(schema, value)) {
    const child = descend(node, element);
    if (items.length === 1) collect(child, items[0], schema.items);
    child.member = true;
  }
}

/** Adds, as members, the declared fields on the way to the set's members: they go with the last field below them. */
export function withNamedParents(set: FieldSet, schema: TypeSchema | undefined): FieldSet {
  if (set.children.size === 0) return set;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const inner = withNamedParents(child, typeBelow(schema, element));
    const named = element.startsWith("f:") && schema?.kind === "map" && schema.fields.has(element.slice(2));
    children.set(element, named && inner.children.size > 0 && !inner.member ? { ...inner, member: true } : inner);
  }
  return { member: set.member, children };
}

function typeBelow(schema: TypeSchema | undefined, element: string): TypeSchema | undefined {
  if (schema?.kind === "map") return element.startsWith("f:") ? fieldSchema(schema, element.slice(2)) : undefined;
  if (schema?.kind === "list") return schema.items;
  return schema;
}
