import { once } from "node:events";
import { connect } from "node:net";

import { FakeClock, systemClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MemoryBackend } from "./memory-backend.ts";
import { createApi } from "./server.ts";
import { sampleToken, startApi, type RunningApi } from "./start-api.ts";

/** Long enough for a machine that does much else. */
const patience = { timeout: 10_000 };

let api: RunningApi;
beforeAll(async () => {
  api = await startApi({ limits: { bodyBytes: 1024, urlBytes: 512, agentTimeoutMs: 50 }, hosts: ["drover.test"] });
});
afterAll(() => api[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: Record<string, unknown>;
}

async function answer(response: Response): Promise<Answer> {
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, type: response.headers.get("content-type"), body };
}

/** Sends bytes as they are: fetch refuses to send what these tests have to. */
async function sendRaw(text: string): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(text);
  let answered = "";
  for await (const chunk of socket) answered += String(chunk);
  return answered;
}

const rawGet = (path: string, headers: Readonly<Record<string, string>>): Promise<string> =>
  sendRaw(
    [
      `GET ${path} HTTP/1.1`,
      ...Object.entries({ connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}`),
      "",
      "",
    ].join("\r\n"),
  );

describe("tokens", () => {
  test.each([
    ["none", undefined],
    ["a wrong one", "Bearer drv_sample-toker"],
    ["a prefix of the right one", "Bearer drv_sample"],
    ["an empty one", "Bearer "],
    ["the right one in another scheme", `Basic ${sampleToken}`],
    ["two", `Bearer ${sampleToken} ${sampleToken}`],
  ])("%s opens nothing", async (_name, authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    const refused = await fetch(`${api.url}/api/v1/clusters`, { headers });
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await answer(refused)).toMatchObject({ status: 401, body: { code: "unauthorized" } });
  });

  test("are asked for on every route below /api that the description names", async () => {
    const { paths } = (await (await fetch(`${api.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const routes = Object.entries(paths)
      .filter(([path]) => path.startsWith("/api/"))
      .flatMap(([path, operations]) => Object.keys(operations).map((method) => [method, path] as const));
    expect(routes.length).toBeGreaterThan(20);
    for (const [method, path] of routes) {
      const { status } = await fetch(`${api.url}${path.replaceAll(/[{}]/gu, "")}`, { method: method.toUpperCase() });
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} 401`);
    }
  });

  test("are not needed for probes, metrics and the description", async () => {
    for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json"]) {
      expect((await fetch(`${api.url}${path}`)).status).toBe(200);
    }
  });

  test("are checked before the body is read", async () => {
    const body = "x".repeat(5000);
    const { status } = await fetch(`${api.url}/api/v1/sources`, { method: "POST", body });
    expect(status).toBe(401);
  });
});

describe("problems", () => {
  test("name the code, the trace and everything that is wrong with the request", async () => {
    const response = await api.call("/api/v1/sources", { method: "POST", body: '{"url": 5, "nmae": "x"}' });
    expect(await answer(response)).toEqual({
      status: 400,
      type: "application/problem+json; charset=utf-8",
      body: {
        type: "urn:drover:error:usage",
        title: "usage",
        status: 400,
        detail: "the request is not valid: /nmae: is not known, did you mean name?; /url: must be string",
        code: "usage",
        hint: "see /openapi.json",
        errors: [
          { pointer: "/nmae", message: "is not known, did you mean name?" },
          { pointer: "/url", message: "must be string" },
        ],
        trace: response.headers.get("x-request-id"),
      },
    });
  });

  test.each([
    ["GET", "/api/v1/clusters?limit=501", undefined, "400 usage"],
    ["GET", "/api/v1/clusters?limit=0", undefined, "400 usage"],
    ["GET", "/api/v1/clusters?limt=5", undefined, "400 usage"],
    ["GET", "/api/v1/clusters?state=fine", undefined, "400 usage"],
    ["GET", "/api/v1/clusters?cursor=nonsense", undefined, "400 usage"],
    ["GET", "/api/v1/clusters?labelSelector=a%20b", undefined, "400 usage"],
    ["POST", "/api/v1/sources", "{", "400 usage"],
    ["POST", "/api/v1/sources", "", "400 usage"],
    ["POST", "/api/v1/sources", '{"url":"x","__proto__":{"a":1}}', "400 usage"],
    ["POST", "/api/v1/sources", `{"url":"${"x".repeat(1100)}"}`, "413 input_too_large"],
    ["GET", `/api/v1/clusters?cursor=${"x".repeat(600)}`, undefined, "413 input_too_large"],
    ["GET", `/api/v1/clusters/${"x".repeat(300)}`, undefined, "400 usage"],
    ["GET", "/api/v1/clusters/%zz", undefined, "400 usage"],
    ["POST", "/api/v1/clusters", '{"name":"dev-1"}', "409 cluster_exists"],
    ["POST", "/api/v1/clusters", '{"name":"Dev 1"}', "400 usage"],
    ["POST", "/api/v1/clusters", '{"name":"dev-2","labels":{"a b":"c"}}', "400 usage"],
    ["POST", "/api/v1/sources", '{"url":"x","name":"platform"}', "409 precondition_failed"],
    ["GET", "/api/v1/targets/shop/prod-ap-1/diff", undefined, "503 cluster_offline"],
    ["GET", "/api/v1/targets/shop/prod-eu-3/diff", undefined, "504 timeout"],
    ["GET", "/api/v2/clusters", undefined, "404 not_found"],
    ["PUT", "/api/v1/clusters", undefined, "404 not_found"],
    ["DELETE", "/api/v1/clusters/nope", undefined, "404 not_found"],
  ])("%s %.60s is refused (%#)", async (method, path, body, refusal) => {
    const response = await api.call(path, { method, ...(body === undefined ? {} : { body }) });
    const { type, status, body: problem } = await answer(response);
    expect(`${status} ${String(problem["code"])}`).toBe(refusal);
    expect(type).toBe("application/problem+json; charset=utf-8");
  });

  test("suggest the name that was probably meant", async () => {
    const { body } = await answer(await api.call("/api/v1/targets/shop/prod-eu-2"));
    expect(body).toMatchObject({ detail: 'there is no target "shop@prod-eu-2"', hint: "did you mean shop@prod-eu-3?" });
  });

  test("keep the cause of what went wrong inside the hub", async () => {
    const backend = new MemoryBackend();
    backend.metrics = () => {
      throw new Error("secret path /var/lib/hub");
    };
    await using broken = await startApi({ backend, newTrace: () => "trace-1" });
    const { status, body } = await answer(await broken.call("/metrics"));
    expect([status, body["detail"], body["trace"]]).toEqual([500, "the hub failed to answer", "trace-1"]);
  });
});

describe("browsers", () => {
  test("T13: get nothing under a name that was re-bound to loopback", async () => {
    expect(await rawGet("/healthz", { host: "evil.example.com" })).toMatch(/^HTTP\/1.1 403 /u);
    expect(await rawGet("/healthz", { host: "127.0.0.1.evil.example.com:80" })).toMatch(/^HTTP\/1.1 403 /u);
  });

  test.each(["localhost:7474", "127.0.0.1", "[::1]:7474", "drover.test"])("may call the hub %s", async (host) => {
    expect(await rawGet("/healthz", { host })).toMatch(/^HTTP\/1.1 200 /u);
  });

  test.each(["https://evil.example.com", "null", "http://localhost:1"])("get nothing from %s", async (origin) => {
    expect(await rawGet("/healthz", { host: "localhost:7474", origin })).toMatch(/^HTTP\/1.1 403 /u);
  });

  test("T13: are told to keep, frame, sniff and load nothing", async () => {
    const { headers } = await fetch(`${api.url}/nope`);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("bounds of HTTP", () => {
  test("refuse a header list above 8 KiB", async () => {
    expect(await rawGet("/healthz", { host: "localhost", "x-long": "x".repeat(9000) })).toMatch(/^HTTP\/1.1 431 /u);
  });

  test("refuse what is not HTTP", async () => {
    expect(await sendRaw("hello\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /u);
  });

  test("take a body of the limit and not one byte more", async () => {
    const body = (bytes: number): string => `{"url":"${"x".repeat(bytes - 10)}"}`;
    expect((await api.call("/api/v1/sources", { method: "POST", body: body(1024) })).status).toBe(201);
    expect((await api.call("/api/v1/sources", { method: "POST", body: body(1025) })).status).toBe(413);
  });
});

test("readiness follows the hub, health does not", async () => {
  await using starting = await startApi();
  starting.backend.started = false;
  expect((await fetch(`${starting.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${starting.url}/healthz`)).status).toBe(200);
});

test("a question to an agent ends when the caller goes away", async () => {
  await using slow = await startApi({ limits: { agentTimeoutMs: 60_000 } });
  const caller = new AbortController();
  const call = slow.call("/api/v1/targets/shop/prod-eu-3/diff", { signal: caller.signal }).catch(() => "gone");
  await expect.poll(() => slow.backend.asked, patience).toContain("ask shop@prod-eu-3");
  caller.abort();
  expect(await call).toBe("gone");
  await expect.poll(() => slow.backend.asked, patience).toContain("gave up shop@prod-eu-3");
});

test("an address that is taken is an error that says what to do", async () => {
  const taken = { host: "127.0.0.1", port: Number(new URL(api.url).port) };
  const options = { backend: new MemoryBackend(), tokens: [], log: silentLog, clock: systemClock };
  await using second = await createApi(options);
  await expect(second.listen(taken)).rejects.toMatchObject({
    code: "config_invalid",
    hint: expect.stringContaining("--api-address"),
  });
});

test("E71: an API that closes waits a while for who is in the middle of a request, and not for as long as that one likes", async () => {
  const clock = new FakeClock(Date.now());
  const closing = await startApi({ clock });
  const socket = connect(Number(new URL(closing.url).port), "127.0.0.1");
  await once(socket, "connect");
  const head = ["POST /api/v1/sources HTTP/1.1", "host: 127.0.0.1", `authorization: Bearer ${sampleToken}`];
  socket.write([...head, "content-type: application/json", "content-length: 9", "", "{"].join("\r\n"));
  await closing.call("/api/v1/sources");
  const ended = once(socket, "close");
  const closed = closing[Symbol.asyncDispose]();
  await expect.poll(() => clock.sleeping, patience).toBe(1);
  await clock.advance(5_000);
  await Promise.all([closed, ended]);
  expect(clock.sleeping).toBe(0);
});
