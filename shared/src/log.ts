import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

import { redactCredentials } from "./errors.ts";
import { escapeUnseen } from "./unseen.ts";

export type Logger = PinoLogger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Characters of a line. What makes one longer came from outside, and is cut. */
const longestLine = 16_384;
const longestField = 1_000;

/**
 * JSON lines on stderr (stdout belongs to data). Messages are constant and lower-case; what varies goes into fields
 * named `cluster application repository commit bundle durationMs code`. Whatever is in them, a record is one line of at
 * most 16 Ki characters, which moves no cursor and reads back as JSON (T19).
 */
export function createLog(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    base: {},
    redact: { paths: ["token", "password", "*.token", "*.password", "headers.authorization"], censor: "***" },
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      streamWrite: (line: string) => `${bounded(redactCredentials(line.trimEnd()))}\n`,
    },
  };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}

/** For tests and for parts that run without a log. */
export const silentLog: Logger = pino({ level: "silent" });

/** The line with escapes, or the same record with what is longest in it cut, and `cut: true`. */
function bounded(line: string): string {
  const whole = line.length > longestLine ? line : escapeUnseen(line);
  if (whole.length <= longestLine) return whole;
  const { level, time, name, msg, code, ...rest } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  let short = "";
  for (const [key, value] of Object.entries({ level, time, name, cut: true, msg, code, ...rest })) {
    if (value === undefined) continue;
    const field = escapeUnseen(`${JSON.stringify(key)}:${JSON.stringify(cut(value))}`);
    if (short.length + field.length + 2 <= longestLine) short += `${short === "" ? "" : ","}${field}`;
  }
  return `{${short}}`;
}

/** Lists and objects become the beginning of their JSON. */
function cut(value: unknown): unknown {
  if (typeof value !== "string" && (typeof value !== "object" || value === null)) return value;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longestField ? `${text.slice(0, longestField)}…` : value;
}
