import { canonicalJson } from "../digest.ts";
import { DroverError } from "../errors.ts";
import { isRecord, type JsonRecord } from "../json.ts";
import { mergeField, namedType, type MergeField, type MergeType } from "./merge-keys.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

/** Where in the object a merge is: for the message when it fails. */
type Where = readonly string[];

/**
 * Strategic merge of maps, after k8s.io/apimachinery/pkg/util/strategicpatch: lists with a merge key are merged item by
 * item, all other lists replaced; null deletes. Neither argument changes.
 */
export function mergeMaps(
  original: JsonRecord,
  patch: JsonRecord,
  type: MergeType | undefined,
  where: Where,
): JsonRecord {
  const how = patch[directive];
  if (how === "replace") return without(patch, directive);
  if (how === "delete") return {};
  if (how !== undefined && how !== "merge") throw fault(where, `unknown ${directive} ${JSON.stringify(how)}`);
  const merged = new Map(Object.entries(retain(original, patch, where)));
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(orderPrefix) || key === directive || key === retainKeys) continue;
    if (key.startsWith(deletePrefix)) deleteValues(merged, key.slice(deletePrefix.length), value);
    else if (value === null) merged.delete(key);
    else merged.set(key, mergeValue(merged.get(key), value, { field: mergeField(type, key), where: [...where, key] }));
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const name = key.slice(orderPrefix.length);
    const list = merged.get(name);
    if (Array.isArray(list) && Array.isArray(order)) {
      merged.set(name, arrange(list, order, list, keyOf(mergeField(type, name))));
    }
  }
  return Object.fromEntries(merged);
}

function mergeValue(original: unknown, patch: unknown, at: { field: MergeField | undefined; where: Where }): unknown {
  const { field, where } = at;
  const type = namedType(field?.type);
  if (isRecord(patch)) {
    const before = isRecord(original) ? original : {};
    return mergeMaps(before, patch, type, where);
  }
  if (!Array.isArray(patch)) return patch;
  const before: readonly unknown[] = Array.isArray(original) ? original : [];
  if (field?.union === true) return arrange(unite(before, patch), patch, before, canonicalJson);
  if (field?.key !== undefined) return mergeLists(before, patch, { key: field.key, type, where });
  return withoutDirectives(patch);
}

interface ListRule {
  readonly key: string;
  readonly type: MergeType | undefined;
  readonly where: Where;
}

function mergeLists(original: readonly unknown[], patch: readonly unknown[], rule: ListRule): readonly unknown[] {
  const { key, type, where } = rule;
  const items = patch.map((item, index) => {
    if (isRecord(item)) return item;
    throw fault([...where, String(index)], "has to be a map");
  });
  if (items.some((item) => item[directive] === "replace")) {
    return items.filter((item) => item[directive] !== "replace").map((item) => mergeMaps({}, item, type, where));
  }
  const idOf = keyOf({ key });
  const merged = [...original];
  const ids = merged.map(idOf);
  const kept: JsonRecord[] = [];
  for (const [index, item] of items.entries()) {
    const place = [...where, String(index)];
    if (!Object.hasOwn(item, key)) throw fault(place, `needs ${key}, by which this list is merged`);
    const id = idOf(item);
    if (item[directive] === "delete") {
      for (let at = ids.lastIndexOf(id); at !== -1; at = ids.lastIndexOf(id)) {
        merged.splice(at, 1);
        ids.splice(at, 1);
      }
      continue;
    }
    kept.push(item);
    const at = ids.indexOf(id);
    const before = at === -1 ? undefined : merged[at];
    const after = mergeMaps(isRecord(before) ? before : {}, item, type, place);
    merged[at === -1 ? merged.length : at] = after;
    if (at === -1) ids.push(id);
  }
  return arrange(merged, kept, original, idOf);
}

/**
 * The order that the API server gives: what the patch names comes in the patch's order, the rest in its old order, and
 * of two neighbours that both were there before the earlier one stays first.
 */
function arrange(
  list: readonly unknown[],
  wanted: readonly unknown[],
  before: readonly unknown[],
  idOf: (item: unknown) => string,
): readonly unknown[] {
  const wantedAt = indexBy(wanted, idOf);
  const beforeAt = indexBy(before, idOf);
  const rank = (index: ReadonlyMap<string, number>, item: unknown): number | undefined => index.get(idOf(item));
  const named = list.filter((item) => wantedAt.has(idOf(item)));
  const ordered = named.toSorted((a, b) => (rank(wantedAt, a) ?? 0) - (rank(wantedAt, b) ?? 0));
  const others = list.filter((item) => !wantedAt.has(idOf(item)));
  const result: unknown[] = [];
  let next = 0;
  for (const item of ordered) {
    const place = rank(beforeAt, item);
    while (next < others.length) {
      const otherPlace = rank(beforeAt, others[next]);
      if (place === undefined || otherPlace === undefined || otherPlace >= place) break;
      result.push(others[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

function indexBy(list: readonly unknown[], idOf: (item: unknown) => string): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  for (const [at, item] of list.entries()) if (!index.has(idOf(item))) index.set(idOf(item), at);
  return index;
}

function keyOf(field: MergeField | undefined): (item: unknown) => string {
  const key = field?.key;
  return (item) => canonicalJson(key === undefined ? item : isRecord(item) ? (item[key] ?? null) : item);
}

function unite(original: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  return [...new Map([...original, ...patch].map((item) => [canonicalJson(item), item])).values()];
}

function deleteValues(merged: Map<string, unknown>, key: string, values: unknown): void {
  const list = merged.get(key);
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  const unwanted = new Set(values.map(canonicalJson));
  merged.set(
    key,
    list.filter((item) => !unwanted.has(canonicalJson(item))),
  );
}

function retain(original: JsonRecord, patch: JsonRecord, where: Where): JsonRecord {
  const keys = patch[retainKeys];
  if (keys === undefined) return original;
  if (!Array.isArray(keys)) throw fault(where, `${retainKeys} has to be a list`);
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

/** What replaces a list may hold directives and nulls that mean nothing there. */
function withoutDirectives(list: readonly unknown[]): readonly unknown[] {
  return list
    .filter((item) => !isRecord(item) || (item[directive] !== "delete" && item[directive] !== "replace"))
    .map((item) => (isRecord(item) && Object.hasOwn(item, directive) ? without(item, directive) : item));
}

function without(record: JsonRecord, key: string): JsonRecord {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

function fault(where: Where, message: string): DroverError {
  return new DroverError("patch_failed", `${where.join(".") || "the patch"} ${message}`);
}
