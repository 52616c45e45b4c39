import type { Path } from "../decode.ts";
import { canonicalJson } from "../digest.ts";
import { isRecord, type JsonRecord } from "../json.ts";
import { hasKeys, type FieldPath, type Segment } from "./field-path.ts";

/** Keys of lists of records, tried in this order: the first that every item has and that tells them apart. */
const listKeys: readonly (readonly string[])[] = [
  ["name"],
  ["mountPath"],
  ["containerPort", "protocol"],
  ["port", "protocol"],
  ["devicePath"],
  ["type"],
  ["key"],
  ["ip"],
  ["topologyKey", "whenUnsatisfiable"],
];

/** What the items of a list go by; undefined when they are not all records that some key tells apart. */
export function itemKeys(items: readonly unknown[]): readonly string[] | undefined {
  const records = items.filter(isRecord);
  if (records.length === 0 || records.length !== items.length) return undefined;
  return listKeys.find((keys) => {
    if (!records.every((record) => record[keys[0] ?? ""] !== undefined)) return false;
    return new Set(records.map((record) => canonicalJson(pick(record, keys)))).size === records.length;
  });
}

/** A key that the first leaves to the server's default, such as a port's protocol, matches any. */
export function sameItem(keys: readonly string[], desired: JsonRecord, live: JsonRecord): boolean {
  return keys.every((key) => desired[key] === undefined || desired[key] === live[key]);
}

export function itemSegment(item: JsonRecord, keys: readonly string[]): Segment {
  return { kind: "item", keys: pick(item, keys) };
}

/** A path by places in `value` as people read it, with list items by their keys. */
export function fieldPathOf(value: unknown, path: Path): FieldPath {
  const segments: Segment[] = [];
  let current = value;
  for (const step of path) {
    if (Array.isArray(current)) {
      const item: unknown = current[Number(step)];
      const keys = itemKeys(current);
      const byKey = keys !== undefined && isRecord(item);
      segments.push(byKey ? itemSegment(item, keys) : { kind: "index", index: Number(step) });
      current = item;
    } else {
      segments.push({ kind: "field", name: String(step) });
      current = isRecord(current) ? current[step] : undefined;
    }
  }
  return segments;
}

/** The places of the steps of a path in `value`, as far as they are there. */
export function placesOf(value: unknown, path: FieldPath): Path {
  const places: (string | number)[] = [];
  let current = value;
  for (const segment of path) {
    if (segment.kind === "field") {
      if (!isRecord(current) || !Object.hasOwn(current, segment.name)) break;
      places.push(segment.name);
      current = current[segment.name];
    } else {
      const index: number = Array.isArray(current) ? indexOf(current, segment) : -1;
      const item: unknown = Array.isArray(current) ? current[index] : undefined;
      if (item === undefined) break;
      places.push(index);
      current = item;
    }
  }
  return places;
}

function indexOf(items: readonly unknown[], segment: Exclude<Segment, { kind: "field" }>): number {
  if (segment.kind === "index") return segment.index;
  return items.findIndex((item) => isRecord(item) && hasKeys(item, segment.keys));
}

function pick(record: JsonRecord, keys: readonly string[]): JsonRecord {
  return Object.fromEntries(keys.filter((key) => record[key] !== undefined).map((key) => [key, record[key]]));
}
