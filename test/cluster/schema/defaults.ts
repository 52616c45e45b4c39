import { cloneJson, isRecord } from "../json.ts";
import type { KubeObject } from "./object.ts";
import type { MapSchema, TypeSchema } from "./type-schema.ts";

/**
 * Fills in the `default` values of a custom resource's schema: where a parent is present and the field absent, or
 * null although its schema does not allow null. Returns the object itself when there is nothing to fill in.
 */
export function applyCrdDefaults(object: KubeObject, schema: TypeSchema): KubeObject {
  return fill(object, schema) as KubeObject;
}

function fill(value: unknown, schema: TypeSchema): unknown {
  if (schema.kind === "list" && Array.isArray(value)) {
    const items = value.map((item: unknown) => fill(item, schema.items));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  return schema.kind === "map" && isRecord(value) ? fillFields({ ...value }, value, schema) : value;
}

type Fields = Record<string, unknown>;

function fillFields(filled: Fields, value: object, schema: MapSchema): object {
  let changed = false;
  for (const [key, type] of schema.fields) {
    if (type.rules?.default === undefined) continue;
    const current = filled[key];
    if (current === undefined || (current === null && type.rules.nullable !== true)) {
      filled[key] = cloneJson(type.rules.default);
      changed = true;
    }
  }
  for (const [key, item] of Object.entries(filled)) {
    const type = schema.fields.get(key) ?? schema.additional;
    const next = type === undefined ? item : fill(item, type);
    if (next === item) continue;
    filled[key] = next;
    changed = true;
  }
  return changed ? filled : value;
}
