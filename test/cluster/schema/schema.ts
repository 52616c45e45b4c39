import type { TypeSchema } from "./type-schema.ts";

export type { FieldsV1, KubeObject, ManagedFieldsEntry, ObjectMeta, OwnerReference } from "./object.ts";
export type { ListSchema, MapSchema, ScalarSchema, TypeSchema, UntypedSchema } from "./type-schema.ts";

export type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string };

/** The schema of a builtin kind; undefined when the kind is not known. */
export function builtinSchema(_gvk: GroupVersionKind): TypeSchema | undefined {
  return undefined;
}

export function schemaFromCrd(_openAPIV3Schema: unknown, _preserveUnknownFields: boolean): TypeSchema {
  return { kind: "untyped" };
}

export function openApiDefinitions(): Record<string, unknown> {
  return {};
}
