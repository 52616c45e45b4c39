import { once } from "node:events";
import {
  connect,
  constants,
  createSecureServer as createHttp2Server,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from "node:http2";
import { createServer as createHttp1Server } from "node:https";
import type { AddressInfo } from "node:net";

import { sharedCertificates } from "@drover/cluster/certificates";
import type { AnyRequest, AnyResponse } from "@drover/cluster/http/listener";

import { readCall, type ApiCall } from "./api-call.ts";
import type { Fault } from "./api-faults.ts";

export interface ApiFaultProxyOptions {
  readonly target: { readonly url: string; readonly caPem: string };
  /** Offers HTTP/1.1 only, as some load balancers do. */
  readonly http1?: boolean;
  /** Added to every request that is passed on. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Rule {
  readonly when: (call: ApiCall) => boolean;
  readonly fault: Fault;
  /** Strikes this often, then never again. Default: until lifted. */
  readonly times?: number;
}

export interface InjectedRule {
  /** How often it has struck. */
  readonly struck: number;
  lift(): void;
}

/** A proxy in front of an API server that answers some calls by a script and passes the others on. */
export interface ApiFaultProxy extends AsyncDisposable {
  readonly url: string;
  readonly caPem: string;
  /** The first rule that applies decides. */
  inject(rule: Rule): InjectedRule;
  /** All calls so far that match, whether they were passed on or not. */
  calls(when?: (call: ApiCall) => boolean): readonly ApiCall[];
  /** Ends the open watches that match, as a server does whose time for them is over. */
  endWatches(when: (call: ApiCall) => boolean): void;
  /** Has watches that match end after so many seconds, whatever the client asks for. */
  shortenWatches(when: (call: ApiCall) => boolean, seconds: number): void;
}

const limits = { allowHTTP1: true, maxSessionMemory: 128, settings: { maxConcurrentStreams: 1_000 } } as const;

/** Older calls are forgotten: a client in a loop must not exhaust the test's memory. */
const maxCalls = 100_000;

export async function startApiFaultProxy(options: ApiFaultProxyOptions): Promise<ApiFaultProxy> {
  const { http1 = false } = options;
  const certificates = await sharedCertificates();
  const proxy = new Proxy(options);
  const tls = { cert: certificates.certificatePem, key: certificates.privateKeyPem };
  const listener = (request: AnyRequest, response: AnyResponse): void => {
    proxy.handle(request, response).catch(() => response.destroy());
  };
  const server = http1 ? createHttp1Server(tls, listener) : createHttp2Server({ ...tls, ...limits }, listener);
  server.on("sessionError", () => undefined);
  server.on("tlsClientError", () => undefined);
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    caPem: certificates.caPem,
    inject: (rule) => proxy.inject(rule),
    calls: (when = () => true) => proxy.calls.filter(when),
    endWatches: (when) => proxy.endWatches(when),
    shortenWatches: (when, seconds) => void proxy.shortened.push({ when, seconds }),
    async [Symbol.asyncDispose]() {
      proxy.close();
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A call that was passed on and whose answer has begun. */
interface Exchange {
  readonly request: AnyRequest;
  readonly response: AnyResponse;
  readonly call: ApiCall;
  readonly upstream: ClientHttp2Stream;
  readonly fault: Fault | undefined;
  readonly headers: Record<string, string | string[]>;
}

interface ActiveRule extends Rule {
  left: number;
  struck: number;
}

class Proxy {
  readonly calls: ApiCall[] = [];
  readonly shortened: { readonly when: (call: ApiCall) => boolean; readonly seconds: number }[] = [];
  readonly #options: ApiFaultProxyOptions;
  readonly #rules = new Set<ActiveRule>();
  readonly #watches = new Map<AnyResponse, ApiCall>();
  #session: ClientHttp2Session | undefined;

  constructor(options: ApiFaultProxyOptions) {
    this.#options = options;
  }

  inject(rule: Rule): InjectedRule {
    const active: ActiveRule = { ...rule, left: rule.times ?? Number.POSITIVE_INFINITY, struck: 0 };
    this.#rules.add(active);
    return {
      get struck() {
        return active.struck;
      },
      lift: () => void this.#rules.delete(active),
    };
  }

  endWatches(when: (call: ApiCall) => boolean): void {
    for (const [response, call] of this.#watches) if (when(call)) response.end("");
  }

  close(): void {
    this.#session?.destroy();
  }

  async handle(request: AnyRequest, response: AnyResponse): Promise<void> {
    const body = await readAll(request);
    const { method = "GET", url = "/" } = request;
    const call = readCall({
      method,
      path: url,
      contentType: request.headers["content-type"] ?? "",
      body: body.toString("utf8"),
    });
    if (this.calls.push(call) > maxCalls) this.calls.shift();
    const fault = this.#strike(call);
    if (fault?.kind === "answer") return answer(response, fault);
    if (fault?.kind === "event" && call.kind !== "watch")
      return answer(response, { ...fault, body: statusOf(fault), contentType: "application/json" });
    if (fault?.kind === "silence" && !fault.delivered) return;
    const upstream = this.#forward(request, this.#shorten(call), body);
    response.on("close", () => upstream.destroy());
    upstream.on("error", () => response.destroy());
    const [headers] = (await once(upstream, "response")) as [Record<string, string | string[]>];
    const exchange = { request, response, call, upstream, fault, headers: passedOn(headers) };
    const status = Number(headers[":status"]);
    if (call.kind === "watch" && status === 200) this.#watch(exchange);
    else await finish(exchange, status);
  }

  #watch({ request, response, call, upstream, fault, headers }: Exchange): void {
    if (fault?.kind === "silence") return;
    response.writeHead(200, headers);
    response.flushHeaders?.();
    switch (fault?.kind) {
      case "event":
        response.end(`{"type":"ERROR","object":${statusOf(fault)}}\n`);
        break;
      case "change":
        response.end(fault.change('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}\n'));
        break;
      case "reset":
        response.write('{"type":"MODIFIED","object":{"metadata":');
        setImmediate(() => breakOff(request, response));
        break;
      default:
        this.#watches.set(response, call);
        response.on("close", () => this.#watches.delete(response));
        upstream.setEncoding("utf8");
        upstream.on("data", (piece: string) => void response.write(piece));
        upstream.on("end", () => response.end(""));
    }
  }

  #strike(call: ApiCall): Fault | undefined {
    for (const rule of this.#rules) {
      if (!rule.when(call)) continue;
      rule.struck += 1;
      rule.left -= 1;
      if (rule.left <= 0) this.#rules.delete(rule);
      return rule.fault;
    }
    return undefined;
  }

  #shorten(call: ApiCall): string {
    const seconds = call.kind === "watch" ? this.shortened.find(({ when }) => when(call))?.seconds : undefined;
    return seconds === undefined ? call.path : call.path.replace(/timeoutSeconds=\d+/u, `timeoutSeconds=${seconds}`);
  }

  #forward(request: AnyRequest, path: string, body: Buffer): ClientHttp2Stream {
    const { url, caPem } = this.#options.target;
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      const session = connect(url, { ca: caPem });
      session.on("error", () => undefined);
      session.on("goaway", () => (this.#session = undefined));
      this.#session = session;
    }
    const headers = { ...passedOn(request.headers), ...this.#options.headers };
    const stream = this.#session.request(
      { ":method": request.method ?? "GET", ":path": path, ...headers },
      { endStream: body.length === 0 },
    );
    if (body.length > 0) stream.end(body);
    return stream;
  }
}

/** Answers anything but a watch: whole, changed, half, or not at all. */
async function finish({ request, response, upstream, fault, headers }: Exchange, status: number): Promise<void> {
  const body = await readAll(upstream);
  if (fault?.kind === "silence") return;
  const sent = fault?.kind === "change" ? Buffer.from(fault.change(body.toString("utf8"))) : body;
  // What breaks off in the middle has told how long it was to be.
  response.writeHead(status, { ...headers, "content-length": String(sent.length) });
  if (fault?.kind !== "reset") {
    response.end(sent);
    return;
  }
  response.write(sent.toString("utf8").slice(0, sent.length / 2));
  setImmediate(() => breakOff(request, response));
}

const ofTheConnection = new Set(["connection", "host", "keep-alive", "transfer-encoding", "content-length", "upgrade"]);

function passedOn(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && !entry[0].startsWith(":") && !ofTheConnection.has(entry[0]),
  );
  return Object.fromEntries(kept);
}

function answer(response: AnyResponse, fault: Omit<Extract<Fault, { kind: "answer" }>, "kind">): void {
  const length = String(Buffer.byteLength(fault.body));
  response.writeHead(fault.status, { "content-type": fault.contentType, "content-length": length, ...fault.headers });
  response.end(fault.body);
}

function statusOf({ status, reason }: Extract<Fault, { kind: "event" }>): string {
  const message = "an error event";
  return JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code: status });
}

function breakOff(request: AnyRequest, response: AnyResponse): void {
  if ("stream" in request) request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

async function readAll(body: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) if (Buffer.isBuffer(piece)) pieces.push(piece);
  return Buffer.concat(pieces);
}
