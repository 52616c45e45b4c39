import { DroverError } from "@drover/shared/errors";

/** Throws `not_found` where there is none. */
export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DroverError("not_found", `there is no ${what}`);
  return value;
}
