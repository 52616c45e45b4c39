import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { FakeClock } from "@drover/shared/clock";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { describe, expect, test } from "vitest";

import { MemoryBackend } from "./memory-backend.ts";
import { sampleToken, startApi, type RunningApi } from "./start-api.ts";

/** Long enough for a machine that does much else. */
const patience = { timeout: 10_000 };

interface Reader extends AsyncDisposable {
  readonly messages: EventSourceMessage[];
  readonly comments: string[];
  /** The resume point that a client would use. */
  id(): string;
}

/** Reads a stream in the background, as a browser would. */
async function follow(api: RunningApi, query = "", headers: Record<string, string> = {}): Promise<Reader> {
  const stop = new AbortController();
  const response = await api.call(`/api/v1/events/stream${query}`, { headers, signal: stop.signal });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  const messages: EventSourceMessage[] = [];
  const comments: string[] = [];
  let last = "";
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onComment: (comment) => comments.push(comment),
    onId: (id) => (last = id),
  });
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  })().catch(() => undefined);
  await expect.poll(() => last, patience).not.toBe("");
  return {
    messages,
    comments,
    id: () => last,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

const event = (app: string, type = "applied") => ({ at: 1, type, app, cluster: "c1", message: `${app} ${type}` });

function add(backend: MemoryBackend, count: number, app = "shop"): void {
  for (let index = 0; index < count; index += 1) backend.events.add(event(app));
}

const idsOf = (reader: Reader): readonly (string | undefined)[] => reader.messages.map((message) => message.id);

describe("event stream", () => {
  test("begins with what comes from now on", async () => {
    await using api = await startApi();
    add(api.backend, 3);
    await using reader = await follow(api);
    add(api.backend, 2);
    await expect.poll(() => idsOf(reader), patience).toEqual(["4", "5"]);
    expect(JSON.parse(reader.messages[0]?.data ?? "")).toEqual({ id: 4, ...event("shop") });
  });

  test.each([
    ["?after=1", {}],
    ["", { "last-event-id": "1" }],
    ["?after=0", { "last-event-id": "1" }],
  ])("resumes after the id that was seen (%s %o)", async (query, headers) => {
    await using api = await startApi();
    add(api.backend, 3);
    await using reader = await follow(api, query, headers);
    add(api.backend, 1);
    await expect.poll(() => idsOf(reader), patience).toEqual(["2", "3", "4"]);
  });

  test("has no gap and no repetition over any number of reconnects", async () => {
    await using api = await startApi();
    const seen: (string | undefined)[] = [];
    let after = "0";
    for (let round = 0; round < 5; round += 1) {
      add(api.backend, 120);
      await using reader = await follow(api, `?after=${after}`);
      await expect.poll(() => reader.messages.length, patience).toBeGreaterThan(0);
      seen.push(...idsOf(reader));
      after = reader.messages.at(-1)?.id ?? after;
    }
    await using rest = await follow(api, `?after=${after}`);
    await expect.poll(() => rest.id(), patience).toBe("600");
    expect([...seen, ...idsOf(rest)]).toEqual(Array.from({ length: 600 }, (_, index) => String(index + 1)));
  });

  test("says reset when the id is older than what is kept, and goes on with the oldest", async () => {
    await using api = await startApi({ backend: new MemoryBackend({}, 2) });
    add(api.backend, 5);
    await using reader = await follow(api, "?after=1");
    await expect
      .poll(() => reader.messages.map(({ event: kind, id }) => `${kind} ${id}`), patience)
      .toEqual(["reset 3", "event 4", "event 5"]);
    expect(JSON.parse(reader.messages[0]?.data ?? "")).toEqual({ oldest: 4, newest: 5 });
  });

  test("says reset when the id is of a log that is gone", async () => {
    await using api = await startApi();
    add(api.backend, 2);
    await using reader = await follow(api, "?after=81273");
    await expect
      .poll(() => reader.messages.map(({ event: kind }) => kind), patience)
      .toEqual(["reset", "event", "event"]);
  });

  test("leaves out what the filter does not want, and still moves the resume point past it", async () => {
    const clock = new FakeClock();
    await using api = await startApi({ clock, limits: { heartbeatMs: 1000 } });
    await using reader = await follow(api, "?app=metrics&type=failed,drifted&cluster=c1");
    add(api.backend, 2, "shop");
    api.backend.events.add(event("metrics", "applied"));
    api.backend.events.add(event("metrics", "failed"));
    await expect.poll(() => idsOf(reader), patience).toEqual(["4"]);
    add(api.backend, 3, "shop");
    // One sleeps for the next heartbeat, one before it looks at the token again.
    await expect.poll(() => clock.sleeping, patience).toBe(2);
    await expect
      .poll(async () => {
        await clock.advance(1000);
        return reader.id();
      }, patience)
      .toBe("7");
    expect(reader.comments).toContain("heartbeat");
    expect(idsOf(reader)).toEqual(["4"]);
  });

  test("ends when the hub stops", async () => {
    const api = await startApi();
    const response = await api.call("/api/v1/events/stream");
    await api[Symbol.asyncDispose]();
    await expect(response.text()).resolves.toContain("id: 0");
    expect(api.backend.events.followers).toBe(0);
  });

  test("takes as many readers as it is told, and has the place again when one leaves", async () => {
    await using api = await startApi({ limits: { streamsPerToken: 1 } });
    {
      await using reader = await follow(api);
      expect(reader.messages).toEqual([]);
      expect((await api.call("/api/v1/events/stream")).status).toBe(409);
    }
    await expect.poll(() => api.backend.events.followers, patience).toBe(0);
    await using again = await follow(api);
    expect(again.messages).toEqual([]);
  });
});

describe("a reader that does not read", () => {
  /** A stream that is asked for and then left alone. */
  async function stall(api: RunningApi): Promise<Socket> {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.pause();
    socket.write(
      `GET /api/v1/events/stream?after=0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${sampleToken}\r\n\r\n`,
    );
    return socket;
  }

  test("is disconnected after the time limit, holding one batch at most, and can resume", async () => {
    const backend = new MemoryBackend({}, 50_000);
    await using api = await startApi({ backend, limits: { stallMs: 200 } });
    const wide = { ...event("shop"), message: "x".repeat(1000) };
    for (let index = 0; index < 20_000; index += 1) backend.events.add(wide);
    const socket = await stall(api);
    await expect.poll(() => backend.events.followers, patience).toBe(1);
    await expect.poll(() => backend.events.followers, patience).toBe(0);
    let received = "";
    socket.on("data", (chunk) => (received += String(chunk)));
    socket.on("error", () => undefined);
    socket.resume();
    await once(socket, "close");
    const last = [...received.matchAll(/^id: (?<id>\d+)$/gmu)].at(-1)?.groups?.["id"] ?? "";
    expect(Number(last)).toBeGreaterThan(0);
    expect(Number(last)).toBeLessThan(20_000);
    await using reader = await follow(api, `?after=${last}`);
    await expect.poll(() => reader.id(), patience).toBe("20000");
    expect(reader.messages).toHaveLength(20_000 - Number(last));
  });
});

test("a list of events goes on where the one before ended", async () => {
  await using api = await startApi();
  add(api.backend, 3, "shop");
  add(api.backend, 3, "metrics");
  const page = async (query: string) =>
    (await (await api.call(`/api/v1/events${query}`)).json()) as { items: { id: number }[]; next: number };
  const first = await page("?limit=2&app=metrics");
  expect([first.items.map(({ id }) => id), first.next]).toEqual([[4, 5], 5]);
  const second = await page(`?limit=2&app=metrics&after=${first.next}`);
  expect([second.items.map(({ id }) => id), second.next]).toEqual([[6], 6]);
  expect(await page("?app=nothing")).toMatchObject({ items: [], next: 6 });
});
