import { DroverError } from "@drover/shared/errors";

/** The thing, or `not_found`: it may have gone since the request was looked at. */
export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DroverError("not_found", `there is no ${what}`);
  return value;
}
