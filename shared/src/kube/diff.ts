import { canonicalJson } from "../digest.ts";
import { isRecord, textAt, type JsonRecord } from "../json.ts";
import type { FieldPath } from "./field-path.ts";
import { itemKeys, itemSegment, sameItem } from "./list-items.ts";
import { equalQuantities } from "./quantity.ts";

/** A field that is desired and is not so in the live object. `live` is absent when the field is. */
export interface FieldChange {
  readonly path: FieldPath;
  readonly desired: unknown;
  readonly live?: unknown;
}

/** At most this many changes of one object are listed; more say nothing new to a person. */
export const maxChanges = 200;

/** Compares only what `desired` sets: defaults, status and whatever others added to the live object are no difference. */
export function diffObjects(desired: JsonRecord, live: JsonRecord): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  compareRecords({ desired, live, path: [] }, changes);
  return changes;
}

/** Maps whose values are quantities, which the server writes in its own way: `1000m` comes back as `1`. */
const quantityMaps = new Set([
  "capacity",
  "default",
  "defaultRequest",
  "hard",
  "limits",
  "max",
  "min",
  "overhead",
  "requests",
]);

interface Pair {
  readonly desired: unknown;
  readonly live: unknown;
  readonly path: FieldPath;
}

function compare(pair: Pair, changes: FieldChange[]): void {
  const { desired, live, path } = pair;
  if (changes.length >= maxChanges || isWithin(desired, live)) return;
  if (isRecord(desired) && isRecord(live)) {
    compareRecords({ desired, live, path }, changes);
  } else if (Array.isArray(desired) && Array.isArray(live)) {
    compareLists({ desired, live, path }, changes);
  } else if (!equalValues(desired, live, path)) {
    changes.push({ path, desired, ...(live === undefined ? {} : { live }) });
  }
}

/** Whether every value of `desired` is in `live` at the same place: true of nearly all, and told without a path. */
function isWithin(desired: unknown, live: unknown): boolean {
  if (desired === live) return true;
  if (Array.isArray(desired)) {
    if (!Array.isArray(live) || desired.length !== live.length) return false;
    for (let index = 0; index < desired.length; index += 1) if (!isWithin(desired[index], live[index])) return false;
    return true;
  }
  if (!isRecord(desired) || !isRecord(live)) return false;
  for (const name in desired) if (!Object.hasOwn(live, name) || !isWithin(desired[name], live[name])) return false;
  return true;
}

function compareRecords(
  pair: { readonly desired: JsonRecord; readonly live: JsonRecord; readonly path: FieldPath },
  changes: FieldChange[],
): void {
  for (const [name, desired] of Object.entries(pair.desired)) {
    const live = Object.hasOwn(pair.live, name) ? pair.live[name] : undefined;
    compare({ desired, live, path: [...pair.path, { kind: "field", name }] }, changes);
  }
}

function compareLists(
  pair: { readonly desired: readonly unknown[]; readonly live: readonly unknown[]; readonly path: FieldPath },
  changes: FieldChange[],
): void {
  const { desired, live, path } = pair;
  const keys = itemKeys(desired);
  if (keys === undefined) {
    // Items without keys form one value: a list that grew or shrank is another list.
    if (desired.length !== live.length) changes.push({ path, desired, live });
    else
      desired.forEach((item, index) => compare({ desired: item, live: live[index], path: at(path, index) }, changes));
    return;
  }
  for (const item of desired.filter(isRecord)) {
    const found = live.find((other) => isRecord(other) && sameItem(keys, item, other));
    compare({ desired: item, live: found, path: [...path, itemSegment(item, keys)] }, changes);
  }
}

function at(path: FieldPath, index: number): FieldPath {
  return [...path, { kind: "index", index }];
}

function equalValues(desired: unknown, live: unknown, path: FieldPath): boolean {
  if (desired === live || (isEmpty(desired) && isEmpty(live))) return true;
  const parent = path.at(-2);
  const name = parent?.kind === "field" ? parent.name : "";
  if (quantityMaps.has(name) || textAt(path.at(-1), "name") === "sizeLimit") {
    return equalQuantities(desired, live);
  }
  return canonicalJson(desired) === canonicalJson(live);
}

/** The server drops empty maps and lists, and null stands for absent. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
