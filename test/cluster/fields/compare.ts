import { equalJson, isRecord } from "../json.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { ListSchema, MapSchema, ScalarType, TypeSchema } from "../schema/type-schema.ts";
import { insertPath, newSet } from "./set.ts";
import type { FieldSet, FieldSetBuilder } from "./set.ts";
import { elementOf, isHollow, shapeOf } from "./value.ts";
import type { Fields } from "./value.ts";

/** The paths that differ between two values of one type. */
export type Comparison = { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet };

type Walk = {
  readonly added: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly removed: FieldSetBuilder;
  readonly path: string[];
};

export function compareValues(before: unknown, after: unknown, schema: TypeSchema): Comparison {
  const walk: Walk = { added: newSet(), modified: newSet(), removed: newSet(), path: [] };
  compare(walk, { before, after, schema });
  return walk;
}

type Pair = { readonly before: unknown; readonly after: unknown; readonly schema: TypeSchema };

function compare(walk: Walk, pair: Pair): void {
  const { before, after, schema } = pair;
  if (before === after) return;
  const old = shapeOf(schema, before ?? after);
  const next = shapeOf(schema, after ?? before);
  if (old.kind === next.kind) {
    compareAs(walk, pair, next);
    return;
  }
  // An untyped value changed its shape: what was below the one goes, what is below the other comes.
  compareAs(walk, { ...pair, after: undefined }, old, true);
  compareAs(walk, { ...pair, before: undefined }, next, true);
  insertPath(walk.modified, walk.path);
}

function compareAs(walk: Walk, { before, after }: Pair, shape: ReturnType<typeof shapeOf>, belowOnly = false): void {
  if (shape.kind === "leaf" || (isHollow(before) && isHollow(after))) {
    if (!belowOnly) compareLeaf(walk, before, after);
    return;
  }
  if (shape.kind === "map") compareMaps(walk, asFields(before), asFields(after), shape.schema);
  else compareLists(walk, asList(before), asList(after), shape.schema);
  if (belowOnly) return;
  if (before === undefined) insertPath(walk.added, walk.path);
  else if (after === undefined) insertPath(walk.removed, walk.path);
}

function compareLeaf(walk: Walk, before: unknown, after: unknown): void {
  if (before === undefined) insertPath(walk.added, walk.path);
  else if (after === undefined) insertPath(walk.removed, walk.path);
  else if (!equalJson(before, after)) insertPath(walk.modified, walk.path);
}

function compareMaps(walk: Walk, before: Fields | undefined, after: Fields | undefined, schema: MapSchema): void {
  for (const key in after) compareField(walk, { before, after }, key, schema);
  for (const key in before) {
    if (after === undefined || after[key] === undefined) compareField(walk, { before, after }, key, schema);
  }
}

type Maps = { readonly before: Fields | undefined; readonly after: Fields | undefined };

function compareField(walk: Walk, { before, after }: Maps, key: string, schema: MapSchema): void {
  const type = fieldSchema(schema, key);
  if (type === undefined) return;
  const old = before?.[key] ?? zeroOf(before, key, schema);
  const next = after?.[key] ?? zeroOf(after, key, schema);
  if (old === undefined && next === undefined) return;
  walk.path.push(`f:${key}`);
  compare(walk, { before: old, after: next, schema: type });
  walk.path.pop();
}

const zeroStruct: Fields = Object.freeze({});

const zeroScalars: Readonly<Record<ScalarType, unknown>> = {
  string: "",
  integer: 0,
  number: 0,
  boolean: false,
  intOrString: 0,
  quantity: "0",
  time: null,
  bytes: null,
};

/** What stands for a field that JSON leaves out but the real server's types hold (see MapSchema.present). */
function zeroOf(parent: Fields | undefined, key: string, schema: MapSchema): unknown {
  const value = parent?.[key];
  if (parent === undefined || !schema.present.has(key)) return value;
  const type = schema.fields.get(key);
  if (type?.kind === "map" && type.fields.size > 0) return zeroStruct;
  return type?.kind === "scalar" ? zeroScalars[type.type] : null;
}

function compareLists(
  walk: Walk,
  before: readonly unknown[] | undefined,
  after: readonly unknown[] | undefined,
  schema: ListSchema,
): void {
  const old = indexItems(schema, before);
  const next = indexItems(schema, after);
  for (const [element, items] of next) compareItems(walk, { element, old: old.get(element), next: items }, schema);
  for (const [element, items] of old) {
    if (!next.has(element)) compareItems(walk, { element, old: items, next: undefined }, schema);
  }
}

type Items = {
  readonly element: string;
  readonly old: readonly unknown[] | undefined;
  readonly next: readonly unknown[] | undefined;
};

function compareItems(walk: Walk, { element, old, next }: Items, schema: ListSchema): void {
  walk.path.push(element);
  if ((old === undefined || old.length === 1) && (next === undefined || next.length === 1)) {
    compare(walk, { before: old?.[0], after: next?.[0], schema: schema.items });
  } else {
    // Items that share a key are one leaf together.
    compareLeaf(walk, old, next);
  }
  walk.path.pop();
}

/** Items by identity, in order of first appearance; items without identity are left out. */
export function indexItems(schema: ListSchema, items: readonly unknown[] | undefined): Map<string, unknown[]> {
  const index = new Map<string, unknown[]>();
  for (const item of items ?? []) {
    const element = tryElementOf(schema, item);
    if (element === undefined) continue;
    const known = index.get(element);
    if (known === undefined) index.set(element, [item]);
    else known.push(item);
  }
  return index;
}

function tryElementOf(schema: ListSchema, item: unknown): string | undefined {
  try {
    return elementOf(schema, item);
  } catch {
    return undefined;
  }
}

function asFields(value: unknown): Fields | undefined {
  return isRecord(value) ? value : undefined;
}

function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}
