import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { authorize } from "../published/registry-auth.ts";
import type { Credential } from "./credential.ts";
import { createNetworks, parseNetworks } from "./networks.ts";
import { createWebClient, type WebClient } from "./web-client.ts";

/** Of the addresses of this machine a source may be at this one only. */
const networks = createNetworks(parseNetworks("127.0.0.1"));
const credential: Credential = { username: "", password: "s3cr3t", ca: "", clientCertificate: "", clientKey: "" };
const request = { maxBytes: 1024 };
const hits: string[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const source = createServer((request, response) => answer(request, response));
const sink = createServer((request, response) => {
  hits.push(request.url ?? "");
  response.end();
});
let url: URL;
let port = 0;

beforeAll(async () => {
  for (const server of [source, sink]) await once(server.listen(0, "127.0.0.1"), "listening");
  url = new URL(`http://127.0.0.1:${portOf(source)}/`);
  port = portOf(sink);
});
afterAll(() => [source, sink].forEach((server) => server.close()));
beforeEach(() => void hits.splice(0));

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const clientFor = (origin: string): WebClient =>
  createWebClient({
    origin,
    credential,
    networks,
    deadline: new AbortController().signal,
    signal: AbortSignal.timeout(10_000),
  });

test.each(["0.0.0.0", "0", "[::]", "127.0.0.2", "169.254.169.254", "2852039166"])(
  "T7: no server leads to %s, neither by a redirect nor as whoever gives tokens",
  async (host) => {
    answer = (_request, response) => response.writeHead(302, { location: `http://${host}:${port}/` }).end();
    await expect(clientFor(url.origin).get(url, request)).rejects.toMatchObject({ code: "forbidden" });
    const realm = `Bearer realm="http://${host}:${port}/token",service="front"`;
    answer = (_request, response) => response.writeHead(401, { "www-authenticate": realm }).end();
    const challenge = { answer: await clientFor(url.origin).get(url, request), registry: url, name: "charts/web" };
    await expect(authorize(challenge, undefined, clientFor)).rejects.toMatchObject({ code: "forbidden" });
    expect(hits).toEqual([]);
  },
);

test("what it is redirected to is reached where it may be, and is shown no credential", async () => {
  const seen: (string | undefined)[] = [];
  answer = (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: `http://127.0.0.1:${port}/there` }).end();
  };
  sink.once("request", (request: IncomingMessage) => seen.push(request.headers.authorization));
  expect(await clientFor(url.origin).get(url, { ...request, authorization: "Basic s3cr3t" })).toMatchObject({
    status: 200,
  });
  expect(hits).toEqual(["/there"]);
  expect(seen).toEqual(["Basic s3cr3t", undefined]);
});
