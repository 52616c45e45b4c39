import { createParser, type EventSourceMessage } from "eventsource-parser";

import type { Clock } from "../clock.ts";
import { DroverError } from "../errors.ts";
import { backoffMs, type Random } from "../retry.ts";
import { formatQuery, type Http } from "./http.ts";
import type { Event, EventStreamQuery } from "./types.ts";

/** What a reader of the event stream gets, in order. */
export type StreamItem =
  | { readonly kind: "open" }
  | { readonly kind: "event"; readonly event: Event }
  /** Events are missing before the next one: what was derived from events has to be read again. */
  | { readonly kind: "reset" }
  /** The connection broke; it is being made again and resumes without a gap. */
  | { readonly kind: "lost"; readonly error: DroverError };

export interface FollowOptions {
  readonly http: Http;
  readonly query: EventStreamQuery;
  readonly clock: Clock;
  readonly random: Random;
}

const reconnect = { baseMs: 250, factor: 2, capMs: 15_000, jitter: 0.2 };
/** Three heartbeats: a connection that is silent for longer is dead, whatever TCP believes. */
const silenceMs = 45_000;
/** Longer than any event; a stream that exceeds it is not ours. */
const maxFrameChars = 1024 * 1024;
/** Codes after which trying again can help. */
const passing: ReadonlySet<string> = new Set(["api_unreachable", "timeout", "internal", "link_closed"]);

/** Reads the event stream for as long as the signal allows; see `Client.events.follow`. */
export async function* followEvents(options: FollowOptions, signal: AbortSignal): AsyncGenerator<StreamItem, void> {
  const place: Place = { id: options.query.after };
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const item of readOnce(options, place, signal)) {
        failures = 0;
        yield item;
      }
      throw new DroverError("api_unreachable", "the hub ended the event stream");
    } catch (cause) {
      if (signal.aborted) return;
      const error = DroverError.from(cause, "api_unreachable");
      if (!passing.has(error.code)) throw error;
      yield { kind: "lost", error };
      const pauseMs = backoffMs(reconnect, failures, options.random);
      failures += 1;
      await options.clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }
}

/** The id after which to resume; undefined until the hub has named one. */
interface Place {
  id: number | undefined;
}

async function* readOnce(options: FollowOptions, place: Place, signal: AbortSignal): AsyncGenerator<StreamItem, void> {
  const ended = new AbortController();
  const query = formatQuery({ ...options.query, after: place.id });
  const response = await options.http.open(`/events/stream${query}`, {
    headers: { accept: "text/event-stream" },
    signal: AbortSignal.any([signal, ended.signal]),
  });
  try {
    yield { kind: "open" };
    const items: StreamItem[] = [];
    const parser = createParser({
      maxBufferSize: maxFrameChars,
      onId: (id) => {
        const number = Number.parseInt(id, 10);
        if (Number.isSafeInteger(number)) place.id = number;
      },
      onEvent: (message) => items.push(...parseMessage(message)),
    });
    const text = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const chunk = text === undefined ? { done: true as const } : await readChunk(text, options.clock);
      if (chunk.done) return;
      parser.feed(chunk.value);
      yield* items.splice(0);
    }
  } finally {
    ended.abort(new DroverError("canceled", "the reader has gone"));
  }
}

async function readChunk(text: ReadableStreamDefaultReader<string>, clock: Clock) {
  const read = new AbortController();
  const silence = clock.sleep(silenceMs, read.signal).then(
    () => "silence" as const,
    () => "silence" as const,
  );
  const outcome = await Promise.race([text.read(), silence]).finally(() => read.abort());
  if (outcome === "silence") throw new DroverError("timeout", "the event stream went silent");
  return outcome;
}

/** Kinds of message that this client does not know are left out: a newer hub may send more. */
function parseMessage(message: EventSourceMessage): StreamItem[] {
  if (message.event === "reset") return [{ kind: "reset" }];
  if (message.event !== "event") return [];
  // Written by the hub from the same type.
  return [{ kind: "event", event: JSON.parse(message.data) as Event }];
}
