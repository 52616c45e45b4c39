import { expect, test } from "vitest";

import type { PlannedChange } from "./plan.ts";
import { wideChanges } from "./reach.ts";

const changes = (kind: PlannedChange["kind"], count: number): readonly PlannedChange[] =>
  Array.from({ length: count }, (_, index) => ({ kind, app: "web", cluster: `c${String(index).padStart(3, "0")}` }));

test.each<[string, PlannedChange["kind"], number, number, string | undefined]>([
  ["the first placement, on any number", "add", 1000, 0, undefined],
  ["up to ten more", "add", 10, 1, undefined],
  ["eleven more than one", "add", 11, 1, "web would come from 1 to 12 clusters: c000, c001, c002 and 8 more"],
  ["less than ten times as many", "add", 80, 10, undefined],
  ["ten times as many", "add", 90, 10, "web would come from 10 to 100 clusters: c000, c001, c002 and 87 more"],
  ["a change of all", "change", 1000, 1000, undefined],
  ["ten of ten fewer", "remove", 10, 10, undefined],
  ["eleven of eleven fewer", "remove", 11, 11, "web would leave 11 of 11 clusters: c000, c001, c002 and 8 more"],
  ["30 of 100 fewer", "remove", 30, 100, undefined],
  ["31 of 100 fewer", "remove", 31, 100, "web would leave 31 of 100 clusters: c000, c001, c002 and 28 more"],
])("E29, E42: %s", (_what, kind, ...[count, running, message]) => {
  expect(wideChanges("web", changes(kind, count), running).map((wide) => wide.message)).toEqual(
    message === undefined ? [] : [message],
  );
});

test("names a change by its clusters: one more is another change", () => {
  const digestOf = (count: number): string | undefined => wideChanges("web", changes("remove", count), 50)[0]?.digest;
  expect(digestOf(20)).toBe(digestOf(20));
  expect(digestOf(20)).not.toBe(digestOf(21));
});
