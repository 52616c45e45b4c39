import { at, isRecord, listAt, recordAt, recordsAt, type JsonRecord } from "@drover/shared/json";
import type { FieldPath } from "@drover/shared/kube/field-path";

import { lostFields, ownEntry } from "./drift.ts";

/**
 * The managed fields with which an apply can remove list items that stand in its way. Somebody who edits the key of an
 * item that we own turns it, for the server, into an item of theirs: an apply then wants both, and is refused because
 * they share a name. Handing us the stranger makes the apply drop it. Other items of the list stay with their owners.
 *
 * `duplicates` are the fields that the server called duplicate, such as `spec.ports[1].name`. undefined when nothing of
 * the kind is found.
 */
export function takeOver(
  live: JsonRecord,
  options: { readonly desired: JsonRecord; readonly duplicates: readonly string[]; readonly manager: string },
): readonly unknown[] | undefined {
  const own = ownEntry(live, options.manager);
  if (own === undefined) return undefined;
  const entries = listAt(live, "metadata", "managedFields")
    .filter(isRecord)
    .map((entry) => structuredClone(entry));
  const mine = entries.find((entry) => isSameEntry(entry, own));
  if (mine === undefined) return undefined;
  let taken = 0;
  for (const duplicate of options.duplicates) {
    const list = listPath(duplicate);
    const strangers = findStrangers(live, { ...options, list, field: lastField(duplicate) });
    for (const entry of entries) {
      if (entry === mine || entry["operation"] !== "Update" || entry["subresource"]) continue;
      for (const name of strangers) if (moveItem({ from: entry, to: mine, list, name })) taken += 1;
    }
  }
  return taken === 0 ? undefined : entries.filter((entry) => recordAt(entry, "fieldsV1") !== undefined);
}

/**
 * The fields that a server will call duplicate when the object is applied, told from its metadata: of a list with keys
 * other than names an item of ours is gone, and somebody has put one there. It may be ours with another key.
 */
export function foreseeDuplicates(
  evidence: JsonRecord,
  { desired, manager }: { readonly desired: JsonRecord; readonly manager: string },
): readonly string[] {
  const others = recordsAt(evidence, "metadata", "managedFields").filter(
    (entry) => entry["manager"] !== manager && entry["operation"] === "Update" && !entry["subresource"],
  );
  const added = new Set(others.flatMap((entry) => keyedLists(recordAt(entry, "fieldsV1") ?? {}, [])));
  if (added.size === 0) return [];
  const lost = new Set((lostFields(desired, evidence, manager) ?? []).map(listOf));
  const isNamed = (list: string): boolean =>
    recordsAt(desired, ...list.split(".")).some((item) => item["name"] !== undefined);
  return [...added].filter((list) => lost.has(list) && isNamed(list)).map((list) => `${list}[].name`);
}

/** The lists of a field set that have items by other keys than names, as `spec.ports`. What is in items is left out. */
function keyedLists(set: JsonRecord, names: readonly string[]): readonly string[] {
  const items = Object.keys(set).filter((step) => step.startsWith("k:"));
  if (items.length > 0) return items.every((step) => step.startsWith('k:{"name"')) ? [] : [names.join(".")];
  return Object.keys(set).flatMap((step) => keyedLists(recordAt(set, step) ?? {}, [...names, step.slice(2)]));
}

/** The list that was lost, or that of which an item was, as `spec.ports`; undefined below list items. */
function listOf(path: FieldPath): string | undefined {
  const names: string[] = [];
  for (const segment of path.at(-1)?.kind === "item" ? path.slice(0, -1) : path) {
    if (segment.kind !== "field") return undefined;
    names.push(segment.name);
  }
  return names.join(".");
}

/** Keys of live items that Git does not have and that have the duplicate field's value of one that it has. */
function findStrangers(
  live: JsonRecord,
  options: { readonly desired: JsonRecord; readonly list: readonly string[]; readonly field: string },
): readonly JsonRecord[] {
  const { list, field } = options;
  const wanted = recordsAt(options.desired, ...list);
  const values = new Set<unknown>(wanted.map((item) => item[field]).filter((value) => value !== undefined));
  return recordsAt(live, ...list).filter((item) => field === "" || values.has(item[field]));
}

interface Move {
  readonly from: JsonRecord;
  readonly to: JsonRecord;
  readonly list: readonly string[];
  readonly name: JsonRecord;
}

/** Moves the ownership of one list item from an entry to ours; false when the entry does not own it. */
function moveItem({ from, to, list, name: item }: Move): boolean {
  const path = ["fieldsV1", ...list.map((field) => `f:${field}`)];
  const theirs = recordAt(from, ...path);
  const key = Object.keys(theirs ?? {}).find((name) => name.startsWith("k:") && isItem(name, item));
  if (theirs === undefined || key === undefined) return false;
  const ours = ensureRecord(to, path);
  if (Object.hasOwn(ours, key)) return false;
  // Both are parts of a clone that is ours to change.
  Object.assign(ours, { [key]: theirs[key] });
  Reflect.deleteProperty(theirs, key);
  dropEmpty(from, path);
  return true;
}

/** Takes a path away from its end as far as it is empty: a field without children would stand for all below it. */
function dropEmpty(root: JsonRecord, path: readonly string[]): void {
  for (let length = path.length; length > 0; length -= 1) {
    const record = recordAt(root, ...path.slice(0, length));
    const parent = recordAt(root, ...path.slice(0, length - 1));
    if (record === undefined || parent === undefined || Object.keys(record).length > 0) return;
    Reflect.deleteProperty(parent, path[length - 1] ?? "");
  }
}

/** The record at a path, made where there is none: our entry loses a list with its last item. */
function ensureRecord(root: JsonRecord, path: readonly string[]): JsonRecord {
  let current = root;
  for (const name of path) {
    const next = recordAt(current, name) ?? {};
    Object.assign(current, { [name]: next });
    current = next;
  }
  return current;
}

function isItem(name: string, item: JsonRecord): boolean {
  let keys: unknown;
  try {
    keys = JSON.parse(name.slice(2));
  } catch {
    return false;
  }
  return isRecord(keys) && Object.entries(keys).every(([key, value]) => at(item, key) === value);
}

function isSameEntry(a: JsonRecord, b: JsonRecord): boolean {
  return a["manager"] === b["manager"] && a["operation"] === b["operation"] && a["subresource"] === b["subresource"];
}

/** `spec.ports[1].name` → `spec`, `ports`. */
function listPath(field: string): readonly string[] {
  return (field.split("[")[0] ?? "").split(".");
}

/** `spec.ports[1].name` → `name`; "" when the item as a whole is meant. */
function lastField(field: string): string {
  return /\]\.(?<name>\w+)$/u.exec(field)?.groups?.["name"] ?? "";
}
