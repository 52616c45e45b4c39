import { expect, test } from "vitest";

import type { Window } from "../window.ts";
import { openingOf } from "./opening.ts";

const window = (over: Partial<Window>): Window => ({
  days: [],
  fromMinute: 9 * 60,
  toMinute: 16 * 60,
  timeZone: "UTC",
  ...over,
});
const at = (text: string): number => Date.parse(text);

test.each<[string, Partial<Window>, string, readonly [open: boolean, changes: string]]>([
  ["before it", {}, "2026-11-27T08:59:59Z", [false, "2026-11-27T09:00:00Z"]],
  ["in it", {}, "2026-11-27T09:00:00Z", [true, "2026-11-27T16:00:00Z"]],
  ["after it", {}, "2026-11-27T16:00:00Z", [false, "2026-11-28T09:00:00Z"]],
  ["on Friday, for Mondays", { days: ["mon"] }, "2026-11-27T10:00:00Z", [false, "2026-11-30T09:00:00Z"]],
  [
    "after midnight of a night that began on Friday",
    { days: ["fri"], fromMinute: 1320, toMinute: 120 },
    "2026-11-28T01:30:00Z",
    [true, "2026-11-28T02:00:00Z"],
  ],
  [
    "the night before",
    { days: ["fri"], fromMinute: 1320, toMinute: 120 },
    "2026-11-27T01:30:00Z",
    [false, "2026-11-27T22:00:00Z"],
  ],
  ["in Berlin in winter", { timeZone: "Europe/Berlin" }, "2026-11-27T07:59:00Z", [false, "2026-11-27T08:00:00Z"]],
  ["in Berlin in summer", { timeZone: "Europe/Berlin" }, "2026-07-01T06:59:00Z", [false, "2026-07-01T07:00:00Z"]],
  ["in Kathmandu", { timeZone: "Asia/Kathmandu" }, "2026-07-01T03:14:00Z", [false, "2026-07-01T03:15:00Z"]],
])("E38: %s", (_, over, now, [open, changes]) => {
  expect(openingOf([window(over)], at(now))).toEqual({ open, changesAtMs: at(changes) });
});

test("E38: an hour that daylight saving leaves out opens nothing that day, one that comes twice opens twice", () => {
  const night = window({ fromMinute: 2 * 60, toMinute: 3 * 60, timeZone: "Europe/Berlin" });
  // 29 March 2026: 01:59 is followed by 03:00.
  expect(openingOf([night], at("2026-03-29T00:30:00Z"))).toEqual({
    open: false,
    changesAtMs: at("2026-03-30T00:00:00Z"),
  });
  // 25 October 2026: 02:59 is followed by 02:00.
  expect(openingOf([night], at("2026-10-25T00:00:00Z"))).toEqual({
    open: true,
    changesAtMs: at("2026-10-25T02:00:00Z"),
  });
});

test("is open when any window is, and always when there is none or all day is written", () => {
  const both = [window({ days: ["mon"] }), window({ days: ["fri"], fromMinute: 15 * 60, toMinute: 18 * 60 })];
  expect(openingOf(both, at("2026-11-27T15:30:00Z"))).toEqual({ open: true, changesAtMs: at("2026-11-27T18:00:00Z") });
  expect(openingOf([], 0)).toEqual({ open: true, changesAtMs: undefined });
  expect(openingOf([window({ fromMinute: 0, toMinute: 1440 })], 0)).toEqual({ open: true, changesAtMs: undefined });
});
