import { sizeOfText } from "@drover/shared/cel/cost";
import type { Subject } from "@drover/shared/cel/expression";
import { isRecord, type JsonRecord } from "@drover/shared/json";

/** A live object as CEL sees it. Managed fields are left out: they are long, and say nothing about health. */
export function celValueOf(object: JsonRecord): Subject {
  const extent = { items: 0, size: 0 };
  const { metadata, ...rest } = object;
  if (!isRecord(metadata)) return { value: convert(object, extent), extent };
  const { managedFields: _, ...shown } = metadata;
  return { value: convert({ ...rest, metadata: shown }, extent), extent };
}

function convert(value: unknown, extent: { items: number; size: number }): unknown {
  extent.size += 1;
  // Whole numbers of the API are integers, which CEL does not mix with fractions.
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "string") extent.size += sizeOfText(value);
  if (Array.isArray(value)) {
    extent.items = Math.max(extent.items, value.length);
    return value.map((each) => convert(each, extent));
  }
  return isRecord(value) ? convertRecord(value, extent) : value;
}

function convertRecord(record: JsonRecord, extent: { items: number; size: number }): unknown {
  const names = Object.keys(record);
  extent.items = Math.max(extent.items, names.length);
  // A Map, so that a field may have any name, `constructor` also.
  const converted = new Map<string, unknown>();
  for (const name of names) {
    extent.size += sizeOfText(name);
    converted.set(name, convert(record[name], extent));
  }
  return converted;
}
