import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startApi, type RunningApi } from "./start-api.ts";

const patience = { timeout: 10_000 };

let api: RunningApi;
beforeAll(async () => {
  api = await startApi({ limits: { bodyBytes: 10, webhookBytes: 64, webhookTimeoutMs: 200, webhooks: 2 } });
});
afterAll(() => api[Symbol.asyncDispose]());

const post = (body: string, headers: Readonly<Record<string, string>> = {}, name = "platform"): Promise<Response> =>
  fetch(`${api.url}/webhooks/${name}`, { method: "POST", body, headers });

async function open(head: readonly string[], body = "", name = "platform"): Promise<Socket> {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write([`POST /webhooks/${name} HTTP/1.1`, "host: hub.example.com", ...head, "", body].join("\r\n"));
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  let answered = "";
  for await (const chunk of socket) answered += String(chunk);
  return answered;
}

test("a webhook needs no token, no known host name and no JSON", async () => {
  for (const type of [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-8",
    "text/plain",
  ]) {
    const answered = await post("opensesame", { "content-type": type, origin: "https://git.example.com" });
    expect([answered.status, await answered.text()]).toEqual([202, "accepted\n"]);
  }
  const socket = await open(["content-length: 10", "connection: close"], "opensesame");
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 202 /u);
});

test("one that is not believed gets the same answer whatever it is for", async () => {
  const answers = await Promise.all(
    ["platform", "nothing", "%0a", "x".repeat(256)].map(async (name) => {
      const answered = await post("wrong", {}, name);
      const { trace: _trace, ...problem } = (await answered.json()) as Record<string, unknown>;
      return [answered.status, problem];
    }),
  );
  expect(answers[0]).toEqual([403, expect.objectContaining({ code: "signature_invalid" })]);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
});

test.each(["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s does nothing", async (method) => {
  const before = api.backend.asked.length;
  expect((await fetch(`${api.url}/webhooks/platform`, { method })).status).toBe(404);
  expect(api.backend.asked.slice(before)).toEqual([]);
});

test("an empty one is heard out, and one of the limit", async () => {
  const before = api.backend.asked.length;
  expect([(await post("")).status, (await post("x".repeat(64))).status]).toEqual([403, 403]);
  expect(api.backend.asked.slice(before)).toEqual(["webhook of platform", "webhook of platform"]);
});

test("T10: a larger one is refused before it comes, or while it does, and its sender cut off", async () => {
  const before = api.backend.asked.length;
  const said = await open(["content-length: 5368709120"]);
  expect(await readAll(said)).toMatch(/^HTTP\/1.1 413 .*connection: close/su);
  const unsaid = await open(["transfer-encoding: chunked"], `41\r\n${"x".repeat(65)}\r\n`);
  expect(await readAll(unsaid)).toMatch(/^HTTP\/1.1 413 .*connection: close/su);
  expect(api.backend.asked.slice(before)).toEqual(["dropped webhook of platform", "dropped webhook of platform"]);
});

test("one that does not come to its end is given up", async () => {
  const before = api.backend.asked.length;
  const slow = await open(["content-length: 10"], "open");
  expect(await readAll(slow)).toMatch(/^HTTP\/1.1 504 .*connection: close/su);
  const gone = await open(["content-length: 10"], "open");
  gone.destroy();
  await expect.poll(() => api.backend.asked.slice(before), patience).toHaveLength(2);
});

test("T10: many that do not come to their end keep nobody else from being answered", async () => {
  await using patient = await startApi({ limits: { webhookTimeoutMs: 60_000, webhooks: 2 } });
  const port = Number(new URL(patient.url).port);
  const sockets = Array.from({ length: 40 }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.write("POST /webhooks/platform HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nopen");
  }
  await expect
    .poll(() => patient.backend.asked.filter((asked) => asked.startsWith("dropped")).length, patience)
    .toBe(38);
  expect((await patient.call("/api/v1/sources")).status).toBe(200);
  for (const socket of sockets) socket.destroy();
});
