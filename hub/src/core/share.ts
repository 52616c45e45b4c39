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

const percentRule = { pattern: /^(?:100|\d{1,2})%$/u, rule: "a number of clusters or a percentage up to 100%" };

/** `3` or `25%`. What is negative, broken, or more than 100 % is refused. */
export function readShare(fields: Fields, key: string, otherwise: Share): Share {
  const written = fields.value(key);
  if (typeof written === "string") {
    const percent = fields.text(key, percentRule);
    return percent === undefined ? otherwise : { value: Number(percent.slice(0, -1)), unit: "percent" };
  }
  const value = fields.whole(key, { min: 0, max: 100_000 });
  return value === undefined ? otherwise : { value, unit: "clusters" };
}
