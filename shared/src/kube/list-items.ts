import type { Path } from "../decode.ts";
import { canonicalJson } from "../digest.ts";
import { isRecord, type JsonRecord } from "../json.ts";
import type { FieldPath, Segment } from "./field-path.ts";

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

/** A scalar of a value, or an empty list or map in it. */
export interface Leaf {
  /** By places. */
  readonly path: Path;
  /** As people read it, with list items by their keys. */
  readonly field: FieldPath;
  readonly value: unknown;
}

/** All leaves of a value, in linear time. */
export function fieldsOf(value: unknown): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (part: unknown, path: Path, field: FieldPath): void => {
    const keys = Array.isArray(part) ? itemKeys(part) : undefined;
    const parts = partsOf(part);
    if (parts.length === 0) leaves.push({ path, field, value: part });
    for (const [key, inner] of parts) {
      const segment: Segment =
        typeof key === "string"
          ? { kind: "field", name: key }
          : keys !== undefined && isRecord(inner)
            ? itemSegment(inner, keys)
            : { kind: "index", index: key };
      walk(inner, [...path, key], [...field, segment]);
    }
  };
  walk(value, [], []);
  return leaves;
}

/** What a list or a map holds; nothing for a scalar. */
export function partsOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item: unknown, index) => [index, item] as const);
  return isRecord(value) ? Object.entries(value) : [];
}

/** What an item goes by, as a text; without the keys that it leaves to the server's default. */
export function itemName(item: JsonRecord, keys: readonly string[]): string {
  return canonicalJson(pick(item, keys));
}

function pick(record: JsonRecord, keys: readonly string[]): JsonRecord {
  return Object.fromEntries(keys.filter((key) => record[key] !== undefined).map((key) => [key, record[key]]));
}
