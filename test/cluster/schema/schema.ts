import { builtin } from "./builtin.ts";
import { openApiFrom } from "./openapi.ts";
import type { TypeSchema } from "./type-schema.ts";

export { schemaFromCrd } from "./crd.ts";
export type { FieldsV1, KubeObject, OwnerReference } from "./object.ts";
export type { TypeSchema } from "./type-schema.ts";

export type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string };

/** The schema of a builtin kind, the same object on every call; undefined when the kind is not known. */
export function builtinSchema({ group, version, kind }: GroupVersionKind): TypeSchema | undefined {
  const name = builtin.names.get(`${group}/${version}/${kind}`);
  return name === undefined ? undefined : builtin.schemaOf(name);
}

/** The `definitions` of an OpenAPI v2 document for the builtin kinds, without descriptions. */
export function openApiDefinitions(): Record<string, unknown> {
  return openApiFrom(builtin.definitions);
}
