import { isRecord } from "../json.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { TypeSchema } from "../schema/type-schema.ts";
import { fieldsOf } from "./fields-of.ts";
import { isEmpty, union } from "./set.ts";
import type { FieldSet } from "./set.ts";
import { elementOf, shapeOf } from "./value.ts";

/**
 * Brings a stored set in line with its schema, which may have changed since: who owns fields inside of what is
 * atomic now owns the whole, and who owns the whole of what has fields of its own now owns those that are there.
 * Returns the set itself when it fits, which is the rule.
 */
export function reconcileSet(set: FieldSet, value: unknown, schema: TypeSchema): FieldSet {
  const children = new Map<string, FieldSet>();
  let changed = false;
  for (const [element, child] of set.children) {
    const type = typeAt(schema, element);
    const next = type === undefined ? child : reconcileNode(child, valueAt(value, element, schema), type);
    changed ||= next !== child;
    children.set(element, next);
  }
  return changed ? { member: set.member, children } : set;
}

const whole: FieldSet = { member: true, children: new Map() };

function reconcileNode(set: FieldSet, value: unknown, schema: TypeSchema): FieldSet {
  // The structure of an untyped value is no more than what its owners made of it.
  if (schema.kind === "untyped") return set;
  if (set.children.size > 0) {
    if (schema.kind !== "scalar" && shapeOf(schema, value).kind === "leaf") return whole;
    return reconcileSet(set, value, schema);
  }
  if (value === undefined || schema.kind === "scalar" || shapeOf(schema, value).kind === "leaf") return set;
  const below = fieldsOf(value, schema);
  return isEmpty(below) ? set : union(set, below);
}

function typeAt(schema: TypeSchema, element: string): TypeSchema | undefined {
  if (schema.kind === "map") return element.startsWith("f:") ? fieldSchema(schema, element.slice(2)) : undefined;
  return schema.kind === "list" ? schema.items : undefined;
}

function valueAt(value: unknown, element: string, schema: TypeSchema): unknown {
  if (schema.kind === "map") return isRecord(value) ? value[element.slice(2)] : undefined;
  if (schema.kind !== "list" || !Array.isArray(value) || schema.relationship === "atomic") return undefined;
  return value.find((item: unknown) => hasElement(schema, item, element)) as unknown;
}

function hasElement(schema: TypeSchema & { kind: "list" }, item: unknown, element: string): boolean {
  try {
    return elementOf(schema, item) === element;
  } catch {
    return false;
  }
}
