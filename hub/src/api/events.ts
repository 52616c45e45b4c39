import type { Writable } from "node:stream";

import type { Event, EventStreamQuery } from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";

import type { EventLog } from "./backend.ts";

export interface StreamLimits {
  /** A comment is sent after this long without events: shows both ends that the other is there. */
  readonly heartbeatMs: number;
  /** A reader that takes nothing for this long is disconnected. It can resume where it was. */
  readonly stallMs: number;
}

export interface StreamOptions {
  readonly log: EventLog;
  /** The id after which to begin; undefined = with what comes from now on. */
  readonly after: number | undefined;
  readonly filter: EventFilter;
  readonly clock: Clock;
  readonly limits: StreamLimits;
}

export type EventFilter = (event: Event) => boolean;

export function eventFilter(query: Pick<EventStreamQuery, "app" | "cluster" | "type">): EventFilter {
  const types = query.type === undefined ? undefined : new Set(query.type.split(",").map((type) => type.trim()));
  return (event) =>
    (query.app === undefined || event.app === query.app) &&
    (query.cluster === undefined || event.cluster === query.cluster) &&
    (types === undefined || types.has(event.type));
}

/** Whether events that a reader at `after` has not seen are gone, or its ids are from a log that is gone. */
export function hasGap(log: EventLog, after: number): boolean {
  return after + 1 < log.oldest || after > log.newest;
}

/** The most events that are taken from the log, and so kept for one reader, at a time. */
const batchSize = 100;

/**
 * Writes events to one reader until the signal aborts or the reader goes or stalls. The log is the buffer: a reader is
 * a position in it, and holds one batch at most. One that falls behind the log's end gets `reset` and goes on with the
 * oldest event that is left.
 */
export async function streamEvents(out: Writable, options: StreamOptions, signal: AbortSignal): Promise<void> {
  const { log, filter, clock, limits } = options;
  const bell = createBell(clock);
  const unsubscribe = log.subscribe(bell.ring);
  try {
    let position = options.after ?? log.newest;
    await write(out, `retry: 2000\n${cursorFrame(position)}`, options, signal);
    while (!signal.aborted) {
      if (hasGap(log, position)) {
        position = Math.max(0, log.oldest - 1);
        const data = JSON.stringify({ oldest: log.oldest, newest: log.newest });
        await write(out, `event: reset\nid: ${position}\ndata: ${data}\n\n`, options, signal);
      }
      const batch = log.after(position, batchSize);
      const last = batch.at(-1);
      if (last === undefined) {
        // The id moves readers on past events that their filter hides, so that they can resume from here.
        if ((await bell.wait(limits.heartbeatMs, signal)) === "silence") {
          await write(out, `: heartbeat\n${cursorFrame(position)}`, options, signal);
        }
        continue;
      }
      position = last.id;
      const frames = batch.filter((event) => filter(event)).map((event) => eventFrame(event));
      if (frames.length > 0) await write(out, frames.join(""), options, signal);
    }
  } finally {
    unsubscribe();
  }
}

function cursorFrame(position: number): string {
  return `id: ${position}\n\n`;
}

/** JSON text has no line breaks, so one data line holds it. */
function eventFrame(event: Event): string {
  return `event: event\nid: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Resolves when the reader has taken it. Rejects when the reader takes nothing for too long. */
async function write(out: Writable, text: string, options: StreamOptions, signal: AbortSignal): Promise<void> {
  if (signal.aborted || out.write(text)) return;
  const drained = Promise.withResolvers<"drained">();
  const onDrain = (): void => drained.resolve("drained");
  out.once("drain", onDrain);
  const rest = new AbortController();
  const stalled = options.clock
    .sleep(options.limits.stallMs, AbortSignal.any([signal, rest.signal]))
    .then(() => "stalled" as const)
    .catch(() => "stopped" as const);
  const outcome = await Promise.race([drained.promise, stalled]);
  rest.abort();
  out.off("drain", onDrain);
  if (outcome === "stalled") throw new StalledReader();
}

/** The reader took nothing for `stallMs`. */
export class StalledReader extends Error {
  override readonly name = "StalledReader";
}

interface Bell {
  readonly ring: () => void;
  /** A ring since the last wait counts, so that none is missed between looking and waiting. */
  wait(ms: number, signal: AbortSignal): Promise<"rung" | "silence">;
}

function createBell(clock: Clock): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!rung) {
        const waiting = new AbortController();
        wake = () => waiting.abort();
        await clock.sleep(ms, AbortSignal.any([signal, waiting.signal])).catch(() => undefined);
        wake = undefined;
      }
      const result = rung ? "rung" : "silence";
      rung = false;
      return result;
    },
  };
}
