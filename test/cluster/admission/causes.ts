import type { Cause } from "../http/status.ts";

/** Causes of a 422, with the reasons and wording of the real server's field errors. */
export function required(field: string, why = ""): Cause {
  return { reason: "FieldValueRequired", message: `Required value${why === "" ? "" : `: ${why}`}`, field };
}

export function invalidValue(field: string, value: unknown, why: string): Cause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${shown(value)}: ${why}`, field };
}

export function duplicate(field: string, value: unknown): Cause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${shown(value)}`, field };
}

export function forbiddenField(field: string, why: string): Cause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field };
}

export function notFoundValue(field: string, value: unknown): Cause {
  return { reason: "FieldValueNotFound", message: `Not found: ${shown(value)}`, field };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): Cause {
  const list = supported.map((each) => `"${each}"`).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${shown(value)}: supported values: ${list}`,
    field,
  };
}

export function tooLong(field: string, limitBytes: number): Cause {
  return { reason: "FieldValueTooLong", message: `Too long: may not be more than ${limitBytes} bytes`, field };
}

function shown(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}
