import { isRecord } from "../json.ts";
import { fieldSchema } from "../schema/type-schema.ts";
import type { ListSchema, MapSchema, TypeSchema } from "../schema/type-schema.ts";
import { deletePrefix, listDirectiveTarget, orderPrefix, retainKeys, withoutDirectives } from "./directives.ts";
import type { Fields } from "./directives.ts";
import { PatchError } from "./error.ts";
import { normalizeOrder, sameItem } from "./order.ts";

/**
 * Strategic merge patch: like a merge patch, but lists whose schema has a merge key merge item by item, and
 * `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` direct the merge. Neither
 * argument is changed.
 */
export function strategicMergePatch(document: unknown, patch: unknown, schema: TypeSchema): unknown {
  if (!isRecord(patch)) throw new PatchError(400, "a strategic merge patch must be an object");
  return mergeFields(isRecord(document) ? document : {}, patch, asMap(schema));
}

function mergeFields(original: Fields, patch: Fields, schema: MapSchema | undefined): Fields {
  const directive = patch["$patch"];
  if (directive === "delete") return {};
  if (directive === "replace") return withoutDirectives(patch) as Fields;
  if (directive !== undefined && directive !== "merge") throw unknownDirective();
  const merged: Record<string, unknown> = retainKeys(original, patch);
  for (const name of targetsOf(patch)) {
    const value = mergeField(merged[name], { patch, name }, schema && fieldSchema(schema, name));
    if (value === undefined) delete merged[name];
    else merged[name] = value;
  }
  return merged;
}

/** Names of the fields that a patch speaks of, also by directives on their lists alone. */
function targetsOf(patch: Fields): ReadonlySet<string> {
  const names = Object.keys(patch).filter((key) => key !== "$patch" && key !== "$retainKeys");
  return new Set(names.map(listDirectiveTarget));
}

type Target = { readonly patch: Fields; readonly name: string };

function mergeField(original: unknown, { patch, name }: Target, schema: TypeSchema | undefined): unknown {
  const value = patch[name];
  const order = listOf(patch, orderPrefix + name);
  const deleted = listOf(patch, deletePrefix + name);
  if (value === null) return undefined;
  if (Array.isArray(value) || (value === undefined && (order ?? deleted) !== undefined)) {
    return mergeList(original, { items: value, order, deleted }, schema);
  }
  if (!isRecord(value)) return value;
  const map = asMap(schema);
  if (!isRecord(original) || map?.patch?.strategies.includes("replace") === true) return withoutDirectives(value);
  return mergeFields(original, value, map);
}

type ListPatch = {
  readonly items: readonly unknown[] | undefined;
  readonly order: readonly unknown[] | undefined;
  readonly deleted: readonly unknown[] | undefined;
};

function mergeList(original: unknown, patch: ListPatch, schema: TypeSchema | undefined): unknown {
  const list = schema?.kind === "list" && schema.patch?.strategies.includes("merge") === true ? schema : undefined;
  if (list === undefined || !Array.isArray(original)) {
    return patch.items === undefined ? original : withoutDirectives(patch.items);
  }
  const mergeKey = list.patch?.mergeKey;
  const items = patch.items ?? [];
  if (items.some(isReplacement)) return withoutDirectives(items.filter((item) => !isReplacement(item)));
  const kept = original.filter((item: unknown) => !isDeleted(item, patch, mergeKey));
  const added = items.filter((item) => directiveOf(item) !== "delete");
  const merged = mergeItems(kept, added, list);
  return normalizeOrder(merged, { wanted: patch.order ?? added, server: original, mergeKey });
}

function mergeItems(original: readonly unknown[], items: readonly unknown[], list: ListSchema): unknown[] {
  const mergeKey = list.patch?.mergeKey;
  const merged = [...original];
  for (const item of items) {
    if (isRecord(item) && (mergeKey === undefined || item[mergeKey] === undefined)) {
      throw new PatchError(422, `map: does not contain declared merge key: ${mergeKey ?? ""}`);
    }
    const index = merged.findIndex((known) => sameItem(known, item, mergeKey));
    const known = merged[index];
    if (index < 0) merged.push(withoutDirectives(item));
    else if (isRecord(known) && isRecord(item)) merged[index] = mergeFields(known, item, asMap(list.items));
  }
  return merged;
}

function isDeleted(item: unknown, { items = [], deleted = [] }: ListPatch, mergeKey: string | undefined): boolean {
  if (!isRecord(item)) return deleted.includes(item);
  return items.some((entry) => {
    if (directiveOf(entry) !== "delete") return false;
    if (mergeKey === undefined || !isRecord(entry) || entry[mergeKey] === undefined) {
      throw new PatchError(422, "delete patch type with no merge key defined");
    }
    return sameItem(item, entry, mergeKey);
  });
}

function isReplacement(item: unknown): boolean {
  return directiveOf(item) === "replace";
}

/** The `$patch` of a list's item. */
function directiveOf(item: unknown): "delete" | "replace" | "merge" | undefined {
  const directive = isRecord(item) ? item["$patch"] : undefined;
  if (directive === undefined || directive === "delete" || directive === "replace" || directive === "merge") {
    return directive;
  }
  throw unknownDirective();
}

function listOf(patch: Fields, key: string): readonly unknown[] | undefined {
  const value = patch[key];
  if (value === undefined || Array.isArray(value)) return value;
  throw new PatchError(400, `${key} must be a list`);
}

function asMap(schema: TypeSchema | undefined): MapSchema | undefined {
  return schema?.kind === "map" ? schema : undefined;
}

function unknownDirective(): PatchError {
  return new PatchError(400, "unknown patch type: $patch must be delete, replace or merge");
}
