import { invalidValue } from "../admission/causes.ts";
import type { Cause } from "../http/status.ts";
import { keepOnly } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import { applyCrdDefaults } from "../schema/defaults.ts";
import type { KubeObject } from "../schema/schema.ts";
import { pruneUnknown, typeErrors } from "../schema/validate.ts";
import { jsonPath } from "../table/custom-columns.ts";

/** Prunes and defaults a custom object in place, by its definition's structural schema. */
export function shapeCustom(kind: ServedKind, object: KubeObject): void {
  const schema = kind.schema();
  const pruned = kind.custom?.preserveUnknownFields === true ? object : pruneUnknown(object, schema);
  keepOnly(object, applyCrdDefaults(pruned, schema));
}

export function checkCustom(kind: ServedKind, object: KubeObject): Cause[] {
  return typeErrors(object, kind.schema()).map(({ field, message }) => {
    // The schema says what is wrong with a field; what the field holds is told here.
    const broken = `Invalid value: ${field} in body`;
    if (!message.startsWith(broken)) return { reason: reasonOf(message), message, field };
    const [value] = jsonPath(object, `.${field}`);
    return invalidValue(field, value, message.slice("Invalid value: ".length));
  });
}

function reasonOf(message: string): string {
  if (message.startsWith("Required")) return "FieldValueRequired";
  if (message.startsWith("Unsupported")) return "FieldValueNotSupported";
  if (message.startsWith("Duplicate")) return "FieldValueDuplicate";
  if (message.startsWith("Too")) return "FieldValueTooLong";
  return /must be of type/u.test(message) ? "FieldValueTypeInvalid" : "FieldValueInvalid";
}
