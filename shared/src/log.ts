import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

import { redactCredentials } from "./errors.ts";

export type Logger = PinoLogger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/**
 * JSON lines on stderr (stdout belongs to data). Messages are constant and lower-case; what varies goes into fields
 * named `cluster application repository commit bundle durationMs code`.
 */
export function createLog(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    base: {},
    redact: { paths: ["token", "password", "*.token", "*.password", "headers.authorization"], censor: "***" },
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      streamWrite: redactCredentials,
    },
  };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}

/** For tests and for parts that run without a log. */
export const silentLog: Logger = pino({ level: "silent" });
