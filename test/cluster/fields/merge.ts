import { equalJson, isRecord } from "../json.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { ListSchema, MapSchema, TypeSchema } from "../schema/type-schema.ts";
import { indexItems } from "./compare.ts";
import type { FieldSet } from "./set.ts";
import { elementOf, isHollow, shapeOf } from "./value.ts";
import type { Fields } from "./value.ts";

/** Lays `applied` on `live`. Returns `live` itself, or the parts of it, where nothing changes. */
export function mergeValues(live: unknown, applied: unknown, schema: TypeSchema): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = shapeOf(schema, applied ?? live);
  if (shape.kind === "leaf" || shape.kind !== shapeOf(schema, live ?? applied).kind) return replaced(live, applied);
  if (isHollow(live) && isHollow(applied)) return replaced(live, applied);
  if (shape.kind === "map") {
    return mergeMaps(isRecord(live) ? live : {}, isRecord(applied) ? applied : {}, shape.schema);
  }
  return mergeLists(Array.isArray(live) ? live : [], Array.isArray(applied) ? applied : [], shape.schema);
}

function replaced(live: unknown, applied: unknown): unknown {
  return equalJson(live, applied) ? live : applied;
}

function mergeMaps(live: Fields, applied: Fields, schema: MapSchema): Fields {
  let merged: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(applied)) {
    const type = fieldSchema(schema, key);
    if (type === undefined || value === undefined) continue;
    const item = mergeValues(live[key], value, type);
    if (item === live[key]) continue;
    merged ??= { ...live };
    merged[key] = item;
  }
  return merged ?? live;
}

/**
 * Items of both lists in the order that the applied configuration asks for; live items that it does not name keep
 * their place relative to their neighbours. (Servers before 1.27 kept the live order instead.)
 */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], schema: ListSchema): readonly unknown[] {
  const own = indexItems(schema, live);
  const wanted = indexItems(schema, applied);
  const liveOrder = [...own.keys()];
  const wantedOrder = [...wanted.keys()];
  const shared = wantedOrder.filter((element) => own.has(element));
  const merged: unknown[] = [];
  let next = 0;
  let turn = 0;
  for (const element of liveOrder) {
    if (!wanted.has(element)) {
      merged.push(...(own.get(element) ?? []));
      continue;
    }
    // A shared item that is not next in the wanted order waits, or was already taken.
    if (element !== shared[turn]) continue;
    for (; wantedOrder[next - 1] !== element && next < wantedOrder.length; next++) takeWanted(next);
  }
  for (; next < wantedOrder.length; next++) takeWanted(next);
  const same = merged.length === live.length && merged.every((item, index) => item === live[index]);
  return same ? live : merged;

  function takeWanted(index: number): void {
    const element = wantedOrder[index] ?? "";
    merged.push(mergeItem(own.get(element), wanted.get(element)?.[0], schema));
    if (element === shared[turn]) turn++;
  }
}

function mergeItem(live: readonly unknown[] | undefined, applied: unknown, schema: ListSchema): unknown {
  // Live items that share a key cannot be merged into; the applied one takes their place.
  return live?.length === 1 ? mergeValues(live[0], applied, schema.items) : applied;
}

/** The value without what is in the set, and without containers that this empties; undefined when nothing is left. */
export function removeFields(value: unknown, set: FieldSet, schema: TypeSchema): unknown {
  if (set.children.size === 0) return value;
  const shape = shapeOf(schema, value);
  if (shape.kind === "map" && isRecord(value)) return removeFromMap(value, set, shape.schema);
  if (shape.kind === "list" && Array.isArray(value)) return removeFromList(value, set, shape.schema);
  return value;
}

function removeFromMap(value: Fields, set: FieldSet, schema: MapSchema): Fields | undefined {
  let rest: Record<string, unknown> | undefined;
  for (const [element, below] of set.children) {
    const key = element.slice(2);
    const type = fieldSchema(schema, key);
    if (!element.startsWith("f:") || type === undefined || value[key] === undefined) continue;
    const item = below.member ? undefined : removeFields(value[key], below, type);
    if (item === value[key]) continue;
    rest ??= { ...value };
    if (item === undefined) delete rest[key];
    else rest[key] = item;
  }
  return rest === undefined ? value : isHollow(rest) ? undefined : rest;
}

function removeFromList(value: readonly unknown[], set: FieldSet, schema: ListSchema): readonly unknown[] | undefined {
  let changed = false;
  const rest: unknown[] = [];
  for (const item of value) {
    const below = set.children.get(elementOf(schema, item));
    const kept = below === undefined ? item : below.member ? undefined : removeFields(item, below, schema.items);
    changed ||= kept !== item;
    if (kept !== undefined) rest.push(kept);
  }
  if (!changed) return value;
  return rest.length === 0 ? undefined : rest;
}
