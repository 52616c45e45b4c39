import type { ListSchema, MapSchema, TypeSchema } from "./type-schema.ts";
export function schemaFromCrd(_openAPIV3Schema: unknown, _preserveUnknownFields: boolean): TypeSchema {
  return { kind: "untyped" };
}
export type Unused = ListSchema | MapSchema;
