import { isRecord, type JsonRecord } from "../json.ts";
import { sizeOfText } from "./cost.ts";
import type { Subject } from "./expression.ts";

/** A value of JSON as CEL sees it. */
export function celValueOf(value: unknown): Subject {
  const extent = { items: 0, size: 0 };
  return { value: convert(value, extent), extent };
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
