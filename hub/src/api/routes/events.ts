import { eventListSchema, eventQuerySchema, eventStreamQuerySchema } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";

import { securityHeaders } from "../browser-defence.ts";
import { type RouteContext, type Routes } from "../context.ts";
import { eventFilter, type EventFilter, StalledReader, streamEvents } from "../events.ts";
import { createPlaces } from "../places.ts";

/** The most events that one list request looks at; a narrow filter then takes several pages. */
const scanLimit = 5000;

export function eventRoutes(app: Routes, context: RouteContext): void {
  const log = context.backend.events;

  app.get("/events", { schema: operations.listEvents }, ({ query, sight }) => {
    const limit = query.limit ?? 100;
    const scanned = log.after(query.after ?? 0, scanLimit);
    const asked = eventFilter(query);
    const items = scanned.filter((event) => asked(event) && sight.sees(event)).slice(0, limit);
    const last = items.length === limit ? items.at(-1) : scanned.at(-1);
    return { items, next: last?.id ?? query.after ?? 0, oldest: log.oldest, newest: log.newest };
  });

  const places = createPlaces({ total: context.limits.streams, perHolder: context.limits.streamsPerToken });
  app.get("/events/stream", { schema: operations.streamEvents }, async (request, reply) => {
    using place = places.take(request.holder.name);
    void place;
    const out = reply.raw;
    const gone = new AbortController();
    out.once("close", () => gone.abort(new DroverError("canceled", "the reader went away")));
    reply.hijack();
    out.writeHead(200, {
      ...securityHeaders,
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
      // When the stream ends nothing comes after it; a kept connection would hold up the hub's stop.
      connection: "close",
    });
    const after = request.headers["last-event-id"] ?? request.query.after;
    const { clock, limits } = context;
    const asked = eventFilter(request.query);
    const filter: EventFilter = (event) => asked(event) && request.sight.sees(event);
    const options = { log, after, filter, clock, limits };
    try {
      const ended = AbortSignal.any([gone.signal, context.closing]);
      await Promise.all([
        streamEvents(out, options, ended).finally(() => gone.abort(new DroverError("canceled", "the stream is over"))),
        untilTokenEnds(request, context, ended).then(() => gone.abort(new DroverError("unauthorized", "it has ended"))),
      ]);
      out.end();
    } catch (cause) {
      request.log.debug({ holder: request.holder.name, err: cause }, "event stream ended");
      if (!(cause instanceof StalledReader)) request.log.warn({ err: cause }, "event stream failed");
      // What is buffered for a reader that does not read must go at once, so no orderly end.
      out.destroy();
    }
  });
}

/** Resolves when the token of a request is worth nothing any more, or the signal aborts. */
async function untilTokenEnds(request: FastifyRequest, context: RouteContext, signal: AbortSignal): Promise<void> {
  const { clock, limits, holds } = context;
  while (!signal.aborted && holds(request)) await clock.sleep(limits.recheckMs, signal).catch(() => undefined);
}

const operations = {
  listEvents: {
    operationId: "listEvents",
    summary: "List events after an id, oldest first",
    querystring: eventQuerySchema,
    response: { 200: eventListSchema },
  },
  streamEvents: {
    operationId: "streamEvents",
    summary: "Follow events as Server-Sent Events; Last-Event-ID or `after` resumes without a gap",
    description: [
      "Messages: `event` (data: an Event), and `reset` (data: oldest, newest) when events between the id asked for",
      "and the oldest one kept are gone: read the lists again, the stream goes on from the oldest. Comments are",
      "heartbeats; an id without data moves the resume point past events that the filter hides.",
    ].join(" "),
    querystring: eventStreamQuerySchema,
    headers: Type.Object({ "last-event-id": Type.Optional(Type.Integer({ minimum: 0 })) }),
    produces: ["text/event-stream"],
    response: { 200: Type.String({ description: "Server-Sent Events" }) },
  },
};
