import { isRecord, type JsonRecord } from "../json.ts";
import type { KubeObject, TypeSchema } from "../schema/schema.ts";
import { canonicalizeQuantities } from "./quantities.ts";

/** Lists that Go writes even when they are empty (no `omitempty`). */
const keptWhenEmpty = new Set(["rules", "containers", "accessModes"]);

/**
 * What a builtin object loses on its way through Go's structs: nulls, empty lists and empty string maps are absent
 * afterwards, and quantities have one form. Changes `object`, which the caller must own.
 */
export function canonicalize(object: KubeObject, schema: TypeSchema): void {
  dropEmptyFields(object, schema);
  canonicalizeQuantities(object, schema);
}

/** Empty parts of metadata are absent in every kind. */
export function canonicalizeMetadata(object: KubeObject): void {
  const metadata: JsonRecord = object.metadata;
  for (const key of Object.keys(metadata)) {
    const value = metadata[key];
    const empty =
      value === null ||
      value === undefined ||
      value === "" ||
      (Array.isArray(value) && value.length === 0) ||
      (isRecord(value) && Object.keys(value).length === 0);
    if (empty) Reflect.deleteProperty(metadata, key);
  }
}

/** The part of `canonicalize` that only takes away. */
export function dropEmptyFields(record: JsonRecord, schema: TypeSchema): void {
  if (schema.kind !== "map") return;
  for (const key of Object.keys(record)) {
    const value = record[key];
    if (value === null) {
      Reflect.deleteProperty(record, key);
      continue;
    }
    const field = schema.fields.get(key) ?? schema.additional;
    if (field?.kind === "list" && Array.isArray(value)) dropInList(value, field.items);
    else if (field?.kind === "map" && isRecord(value)) dropEmptyFields(value, field);
    if (isDropped(key, value, field)) Reflect.deleteProperty(record, key);
  }
}

function dropInList(items: readonly unknown[], schema: TypeSchema): void {
  for (const item of items) if (isRecord(item)) dropEmptyFields(item, schema);
}

function isDropped(key: string, value: unknown, schema: TypeSchema | undefined): boolean {
  if (schema?.kind === "list") return Array.isArray(value) && value.length === 0 && !keptWhenEmpty.has(key);
  const isPlainMap = schema?.kind === "map" && schema.fields.size === 0 && schema.additional !== undefined;
  return isPlainMap && isRecord(value) && Object.keys(value).length === 0;
}
