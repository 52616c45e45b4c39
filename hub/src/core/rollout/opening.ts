import { days, type Window } from "../window.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMinutes = 24 * 60;
/** A week, so that each day comes by once, and a day for what goes past midnight or is shifted. */
const horizonMs = 8 * dayMinutes * minuteMs;

export interface Opening {
  readonly open: boolean;
  /** When that changes; undefined = not within eight days. */
  readonly changesAtMs: number | undefined;
}

/**
 * Whether any of the windows is open, and until when. Times are those on the wall in each window's time zone: an hour that
 * daylight saving leaves out opens nothing, and one that comes twice opens twice (E38). No windows are always open.
 */
export function openingOf(windows: readonly Window[], nowMs: number): Opening {
  if (windows.length === 0) return { open: true, changesAtMs: undefined };
  const isOpen = (ms: number): boolean => windows.some((window) => isOpenAt(window, ms));
  const open = isOpen(nowMs);
  const start = Math.floor(nowMs / minuteMs) * minuteMs;
  for (let ms = start + minuteMs; ms <= start + horizonMs; ms += minuteMs) {
    if (isOpen(ms) !== open) return { open, changesAtMs: ms };
  }
  return { open, changesAtMs: undefined };
}

function isOpenAt({ days: wanted, fromMinute, toMinute, timeZone }: Window, ms: number): boolean {
  const wall = Math.floor((ms + offsetOf(timeZone, ms)) / minuteMs);
  const day = Math.floor(wall / dayMinutes);
  const minute = wall - day * dayMinutes;
  const begins = (on: number): boolean => wanted.length === 0 || wanted.includes(weekday(on));
  if (fromMinute < toMinute) return begins(day) && minute >= fromMinute && minute < toMinute;
  return (begins(day) && minute >= fromMinute) || (begins(day - 1) && minute < toMinute);
}

/** Of a day since 1970-01-01, which was a Thursday. */
function weekday(day: number): (typeof days)[number] {
  return days[(((day + 3) % 7) + 7) % 7] ?? "mon";
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** Of the hour that was asked for last: Intl is slow, and zones change at whole quarters of an hour at most. */
  quarter: number;
  offsetMs: number;
}

const zones = new Map<string, Zone>();
const quarterMs = hourMs / 4;

/** How far the wall clock of a zone is ahead of UTC, in ms. */
function offsetOf(timeZone: string, ms: number): number {
  const zone = zones.get(timeZone) ?? { format: formatIn(timeZone), quarter: Number.NaN, offsetMs: 0 };
  zones.set(timeZone, zone);
  const quarter = Math.floor(ms / quarterMs);
  if (zone.quarter === quarter) return zone.offsetMs;
  const parts = new Map(zone.format.formatToParts(quarter * quarterMs).map(({ type, value }) => [type, Number(value)]));
  const at = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const wall = Date.UTC(at("year"), at("month") - 1, at("day"), at("hour"), at("minute"));
  zone.quarter = quarter;
  zone.offsetMs = wall - quarter * quarterMs;
  return zone.offsetMs;
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  const digits = "2-digit" as const;
  const fields = { year: "numeric", month: digits, day: digits, hour: digits, minute: digits } as const;
  return new Intl.DateTimeFormat("en", { timeZone, hourCycle: "h23", ...fields });
}
