import { isRecord, type JsonRecord } from "../json.ts";
import type { KubeObject, TypeSchema } from "../schema/schema.ts";

/** Lists that Go writes even when they are empty (no `omitempty`). */
const keptWhenEmpty = new Set(["rules", "containers", "accessModes"]);

/**
 * What a builtin object loses on its way through Go's structs: nulls, empty lists and empty string maps are absent
 * afterwards. Changes `object`, which the caller must own.
 */
export function canonicalize(object: KubeObject, schema: TypeSchema): void {
  dropEmpty(object, schema);
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

function dropEmpty(record: JsonRecord, schema: TypeSchema): void {
  if (schema.kind !== "map") return;
  for (const key of Object.keys(record)) {
    const value = record[key];
    const field = schema.fields.get(key) ?? schema.additional;
    if (value === null) Reflect.deleteProperty(record, key);
    else if (field?.kind === "list" && Array.isArray(value)) {
      if (value.length === 0 && !keptWhenEmpty.has(key)) Reflect.deleteProperty(record, key);
      for (const item of value as unknown[]) if (isRecord(item)) dropEmpty(item, field.items);
    } else if (field?.kind === "map" && isRecord(value)) {
      dropEmpty(value, field);
      const isPlainMap = field.fields.size === 0 && field.additional !== undefined;
      if (isPlainMap && Object.keys(value).length === 0) Reflect.deleteProperty(record, key);
    }
  }
}
