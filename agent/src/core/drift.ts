import { digestOf } from "@drover/shared/digest";
import { isRecord, numberAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { formatFieldPath, hasKeys, type FieldPath, type Segment } from "@drover/shared/kube/field-path";

/** The entry of `managedFields` that records what our last apply owns; undefined when somebody removed it. */
export function ownEntry(object: JsonRecord, manager: string): JsonRecord | undefined {
  return recordsAt(object, "metadata", "managedFields").find(
    (entry) => entry["manager"] === manager && entry["operation"] === "Apply" && !entry["subresource"],
  );
}

/**
 * Whether nobody has written after our last apply, as far as managed fields tell, which keep whole seconds. When the object
 * has changed since all the same, somebody applied under our name in the second in which we did, as an agent that was
 * killed may have: the values may be others, though every entry is as it was (case 24).
 */
export function isNewest(object: JsonRecord, manager: string): boolean {
  const own = textAt(ownEntry(object, manager), "time");
  if (own === undefined) return false;
  return othersOf(object, manager).every((entry) => (textAt(entry, "time") ?? "") < own);
}

/**
 * Changes exactly when a field that we own was changed, removed or taken over, or when our manager applied again; not
 * when status, foreign fields or defaults change. "" when the entry is gone.
 */
export function ownHash(object: JsonRecord, manager: string): string {
  const entry = ownEntry(object, manager);
  if (entry === undefined) return "";
  const { apiVersion, time, fieldsV1 } = entry;
  // A server writes what it has stored, so the same entry is the same text.
  return digestOf(JSON.stringify([apiVersion, time, fieldsV1])).slice(7, 23);
}

/** Tells one state of an object that was left as it is from every other that may be drift. */
export function markOf(object: JsonRecord, manager: string): string {
  const generation = numberAt(object, "metadata", "generation") ?? 0;
  const version = generation > 0 ? generation : textAt(object, "metadata", "resourceVersion");
  return `${ownHash(object, manager)} ${numberAt(object, "spec", "replicas") ?? ""} ${version ?? ""}`;
}

export interface DriftedFields {
  readonly paths: readonly string[];
  /** The field manager that has taken them; "" when the server does not tell. */
  readonly by: string;
}

const maxPaths = 20;

/** Which desired fields our entry no longer owns, told from metadata alone, and who owns them now. */
export function driftedFields(desired: JsonRecord, live: JsonRecord, manager: string): DriftedFields {
  const lost = lostFields(desired, live, manager);
  // Nothing tells what was changed when somebody took the whole entry away.
  if (lost === undefined) return { paths: ["metadata.managedFields"], by: newestWriter(othersOf(live, manager)) };
  const others = othersOf(live, manager);
  const owner = others
    .toSorted((a, b) => (textAt(b, "time") ?? "").localeCompare(textAt(a, "time") ?? ""))
    .find((entry) => lost.some((path) => owns(recordAt(entry, "fieldsV1"), path)));
  return {
    paths: lost.slice(0, maxPaths).map(formatFieldPath),
    by: textAt(owner, "manager") ?? newestWriter(others),
  };
}

/** The desired fields that our entry does not own, at most 20; undefined when there is no such entry. */
export function lostFields(desired: JsonRecord, live: JsonRecord, manager: string): readonly FieldPath[] | undefined {
  const own = recordAt(ownEntry(live, manager), "fieldsV1");
  if (own === undefined) return undefined;
  const lost: FieldPath[] = [];
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = desired;
  const { name: _name, namespace: _namespace, ...labels } = isRecord(metadata) ? metadata : {};
  collectLost({ ...rest, metadata: labels }, own, { path: [], lost });
  return lost;
}

/** The field manager that owns a field of a live object; "" when nobody does. */
export function managerOf(live: JsonRecord, path: FieldPath): string {
  return ownersOfField(live, path)[0] ?? "";
}

/** All field managers that own a field of a live object. */
export function ownersOfField(live: JsonRecord, path: FieldPath): readonly string[] {
  return recordsAt(live, "metadata", "managedFields")
    .filter((entry) => owns(recordAt(entry, "fieldsV1"), path))
    .map((entry) => textAt(entry, "manager") ?? "");
}

function othersOf(live: JsonRecord, manager: string): readonly JsonRecord[] {
  return recordsAt(live, "metadata", "managedFields").filter((entry) => entry["manager"] !== manager);
}

/** A field that was removed has no owner, so the last one who wrote at all is the best guess. */
function newestWriter(entries: readonly JsonRecord[]): string {
  const writers = entries.filter((entry) => entry["operation"] === "Update" && !entry["subresource"]);
  const newest = writers.toSorted((a, b) => (textAt(b, "time") ?? "").localeCompare(textAt(a, "time") ?? ""))[0];
  return textAt(newest, "manager") ?? "";
}

interface Walk {
  readonly path: FieldPath;
  readonly lost: FieldPath[];
}

function collectLost(desired: JsonRecord, fields: JsonRecord, walk: Walk): void {
  for (const [name, value] of Object.entries(desired)) {
    if (walk.lost.length >= maxPaths) return;
    const path: FieldPath = [...walk.path, { kind: "field", name }];
    const owned = recordAt(fields, `f:${name}`);
    if (owned === undefined) {
      if (isRecord(value) && !isEmpty(value)) collectLost(value, {}, { path, lost: walk.lost });
      else if (!isEmpty(value)) walk.lost.push(path);
    } else if (isRecord(value) && Object.keys(owned).length > 0) {
      collectLost(value, owned, { path, lost: walk.lost });
    } else if (Array.isArray(value)) {
      collectLostItems(value, owned, { path, lost: walk.lost });
    }
  }
}

/** Lists with keys have one entry an item; others are owned as a whole and have no entries. */
function collectLostItems(items: readonly unknown[], fields: JsonRecord, walk: Walk): void {
  const keyed = Object.entries(fields)
    .filter(([name]) => name.startsWith("k:"))
    .map(([name, owned]) => ({ keys: parseKeys(name), owned }));
  const [first] = keyed;
  if (first === undefined) return;
  for (const item of items) {
    if (!isRecord(item)) continue;
    const match = keyed.find(({ keys }) => matches(item, keys));
    if (match === undefined) {
      walk.lost.push([...walk.path, { kind: "item", keys: namesOfKeys(first.keys, item) }]);
      continue;
    }
    const segment: Segment = { kind: "item", keys: namesOfKeys(match.keys, item) };
    if (isRecord(match.owned)) collectLost(item, match.owned, { path: [...walk.path, segment], lost: walk.lost });
  }
}

function owns(fields: JsonRecord | undefined, path: FieldPath): boolean {
  let current = fields;
  for (const segment of path) {
    if (current === undefined) return false;
    if (segment.kind === "field") current = recordAt(current, `f:${segment.name}`);
    else if (segment.kind === "index") return true;
    else {
      const { keys } = segment;
      const found = Object.entries(current).find(([name]) => name.startsWith("k:") && hasKeys(parseKeys(name), keys));
      current = isRecord(found?.[1]) ? found[1] : undefined;
    }
    // An entry without children owns all below it.
    if (current !== undefined && Object.keys(current).length === 0) return true;
  }
  return current !== undefined;
}

/** `k:{"name":"web"}` → `{name: "web"}`. */
function parseKeys(text: string): JsonRecord {
  try {
    const keys: unknown = JSON.parse(text.slice(2));
    return isRecord(keys) ? keys : {};
  } catch {
    return {};
  }
}

/** A key that Git leaves to the server's default is not in the item. */
function matches(item: JsonRecord, keys: JsonRecord): boolean {
  return Object.entries(keys).every(([name, value]) => item[name] === undefined || item[name] === value);
}

function namesOfKeys(keys: JsonRecord, item: JsonRecord): JsonRecord {
  return Object.fromEntries(
    Object.keys(keys).flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])),
  );
}

/** What the server drops from an apply, and so never owns for us. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return (Array.isArray(value) && value.length === 0) || (isRecord(value) && Object.keys(value).length === 0);
}
