import type { KubeObject } from "./object.ts";
import type { TypeSchema } from "./type-schema.ts";

export type FieldError = { readonly field: string; readonly message: string };

/** Paths of fields that the schema does not declare, as a real server names them: `spec.containers[0].foo`. */
export function unknownFields(_object: KubeObject, _schema: TypeSchema): string[] {
  return [];
}

export function pruneUnknown(object: KubeObject, _schema: TypeSchema): KubeObject {
  return object;
}

export function typeErrors(_object: KubeObject, _schema: TypeSchema): FieldError[] {
  return [];
}
