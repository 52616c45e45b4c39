import type { Subject } from "@drover/shared/cel/expression";
import { celValueOf } from "@drover/shared/cel/value";
import { isRecord, type JsonRecord } from "@drover/shared/json";

/** A live object as CEL sees it. Managed fields are left out: they are long, and say nothing about health. */
export function celObjectOf(object: JsonRecord): Subject {
  const { metadata, ...rest } = object;
  if (!isRecord(metadata)) return celValueOf(object);
  const { managedFields: _, ...shown } = metadata;
  return celValueOf({ ...rest, metadata: shown });
}
