import type { Fields } from "./fields.ts";

export const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** A time of the week in which something may be released. */
export interface Window {
  /** None = every day. */
  readonly days: readonly (typeof days)[number][];
  /** Minutes since midnight. One that ends before it begins goes on past midnight. */
  readonly fromMinute: number;
  readonly toMinute: number;
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
}

const day = 24 * 60;

export function readWindow(fields: Fields): Window {
  const window: Window = {
    days: fields.texts("days").flatMap((text, index) => {
      const found = days.find((one) => one === text);
      if (found === undefined) fields.note(["days", index], `has to be one of ${days.join(", ")}`);
      return found ?? [];
    }),
    fromMinute: readTime(fields, "from", 0),
    toMinute: readTime(fields, "to", day),
    timeZone: readTimeZone(fields),
  };
  // One of no length would never open (E38).
  if (window.fromMinute === window.toMinute) fields.note([], "has no length: it would never open");
  fields.finish();
  return window;
}

/** `09:00` to `24:00`. */
function readTime(fields: Fields, key: "from" | "to", otherwise: number): number {
  const text = fields.text(key);
  if (text === undefined) return otherwise;
  const { hour, minute } = /^(?<hour>\d{2}):(?<minute>[0-5]\d)$/u.exec(text)?.groups ?? {};
  const minutes = Number(hour) * 60 + Number(minute);
  if (minutes <= day) return minutes;
  fields.wrong(key, "has to be a time from 00:00 to 24:00", 'write "09:00"');
  return otherwise;
}

function readTimeZone(fields: Fields): string {
  const name = fields.text("timeZone") ?? "UTC";
  if (isTimeZone(name)) return name;
  fields.wrong("timeZone", "is no time zone", "write its IANA name, such as Europe/Berlin");
  return "UTC";
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
