import type { Fields } from "./fields.ts";

/** A number of clusters, or a percentage of those that there are. */
export interface Share {
  readonly value: number;
  readonly unit: "clusters" | "percent";
}

/**
 * How many of `total` clusters a share is (E27): percentages are rounded down, but are at least one cluster; nothing is
 * more than there are; 0 and 0 % are none.
 */
export function countOf({ value, unit }: Share, total: number): number {
  if (value === 0 || total === 0) return 0;
  const count = unit === "percent" ? Math.max(1, Math.floor((total * value) / 100)) : value;
  return Math.min(count, total);
}

/** `3` or `25%`. What is negative, broken, or more than 100 % is refused. */
export function readShare(fields: Fields, key: string, otherwise: Share): Share {
  const value = fields.value(key);
  if (value === undefined) return otherwise;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 100_000) {
    return { value, unit: "clusters" };
  }
  const percent = typeof value === "string" ? /^(?<number>\d{1,3})%$/u.exec(value)?.groups?.["number"] : undefined;
  if (percent !== undefined && Number(percent) <= 100) return { value: Number(percent), unit: "percent" };
  fields.wrong(key, "has to be a number of clusters or a percentage up to 100%", "write 3 or 25%");
  return otherwise;
}
