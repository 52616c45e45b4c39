import type { TypeSchema } from "../schema/type-schema.ts";
import { mergePatch } from "./merge.ts";

export function strategicMergePatch(document: unknown, patch: unknown, _schema: TypeSchema): unknown {
  return mergePatch(document, patch);
}
