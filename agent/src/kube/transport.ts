import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { Access } from "./access.ts";
import { bodyOf, type Body } from "./body.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Body;
}

/** Sends calls to one server over connections of its own. Rejects with `api_unreachable` or the signal's reason. */
export interface Transport extends AsyncDisposable {
  /** `signal`: of this call alone, for as long as its answer is read. */
  send(call: Call, signal: AbortSignal): Promise<Reply>;
}

const pingEveryMs = 15_000;
/** A server that does not answer a ping for this long is gone, even if TCP has not noticed. */
const pingTimeoutMs = 15_000;
const connectTimeoutMs = 10_000;
/** Node's default of 64 KiB makes every large list wait for round trips. */
const windowBytes = 1 << 20;

/** HTTP/2 on one session where the server offers it, else HTTP/1.1 with kept-alive connections. */
export function createTransport(access: Access, clock: Clock): Transport {
  let chosen: Promise<Transport> | undefined;
  const choose = async (signal: AbortSignal): Promise<Transport> => {
    if (access.url.protocol === "http:") return new Http1Transport(access);
    const socket = await openSocket(access, clock, signal);
    if (socket.alpnProtocol === "h2") return new Http2Transport(access, clock, socket);
    socket.destroy();
    return new Http1Transport(access);
  };
  return {
    async send(call, signal) {
      chosen ??= choose(signal);
      let transport: Transport;
      try {
        transport = await chosen;
      } catch (cause) {
        chosen = undefined;
        throw cause;
      }
      return transport.send(call, signal);
    },
    async [Symbol.asyncDispose]() {
      const transport = await chosen?.catch(() => undefined);
      await transport?.[Symbol.asyncDispose]();
    },
  };
}

class Http2Transport implements Transport {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #session: ClientHttp2Session | undefined;
  #opening: Promise<ClientHttp2Session> | undefined;

  constructor(access: Access, clock: Clock, socket: TLSSocket) {
    this.#access = access;
    this.#clock = clock;
    this.#session = this.#adopt(socket);
  }

  async send(call: Call, signal: AbortSignal): Promise<Reply> {
    const session = await this.#open(signal);
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      try {
        stream = session.request(
          { ":method": call.method, ":path": call.path, ...call.headers },
          // A DELETE would otherwise be sent without its body.
          { endStream: call.body === undefined },
        );
      } catch (cause) {
        reject(unreachable(this.#access, cause));
        return;
      }
      let isAnswered = false;
      stream.once("response", (headers) => {
        isAnswered = true;
        resolve({ status: headers[":status"] ?? 0, headers, body: bodyOf(stream) });
      });
      const fail = (cause?: unknown): void => {
        if (!isAnswered) reject(signal.aborted ? asError(signal.reason) : unreachable(this.#access, cause));
      };
      stream.on("error", fail);
      stream.once("close", () => fail());
      cancelWith(stream, signal);
      if (call.body !== undefined) stream.end(call.body);
    });
  }

  // oxlint-disable-next-line typescript/require-await -- disposal has an asynchronous shape
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new DroverError("canceled", "connection closed"));
    this.#session?.destroy();
  }

  async #open(signal: AbortSignal): Promise<ClientHttp2Session> {
    if (this.#session !== undefined) return this.#session;
    this.#opening ??= openSocket(this.#access, this.#clock, this.#closed.signal)
      .then((socket) => {
        if (socket.alpnProtocol !== "h2") socket.destroy();
        return (this.#session = this.#adopt(socket));
      })
      .finally(() => (this.#opening = undefined));
    signal.throwIfAborted();
    return this.#opening;
  }

  #adopt(socket: TLSSocket): ClientHttp2Session {
    const session = connectHttp2(this.#access.url, {
      createConnection: () => socket,
      settings: { initialWindowSize: windowBytes, enablePush: false },
    });
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    session.once("connect", () => session.setLocalWindowSize(16 * windowBytes));
    session.on("error", forget);
    session.on("goaway", forget);
    session.on("close", forget);
    void this.#ping(session);
    return session;
  }

  /** Ends a session whose other side no longer answers: what waits on it then fails and is tried on a new one. */
  async #ping(session: ClientHttp2Session): Promise<void> {
    const stop = this.#closed.signal;
    try {
      for (;;) {
        await this.#clock.sleep(pingEveryMs, stop);
        if (session.closed || session.destroyed) return;
        const answered = new Promise<boolean>((resolve) => {
          if (!session.ping((error) => resolve(error === null))) resolve(false);
        });
        const late = this.#clock.sleep(pingTimeoutMs, stop).then(() => false);
        if (!(await Promise.race([answered, late]))) {
          session.destroy(new Error("the server does not answer pings"), constants.NGHTTP2_CANCEL);
          return;
        }
      }
    } catch {
      // Only the sleep can fail, and only because the transport was closed.
      session.destroy();
    }
  }
}

/** As Node's own `signal` option does it, which costs more than the rest of a request. */
function cancelWith(stream: ClientHttp2Stream, signal: AbortSignal): void {
  const cancel = (): void => {
    stream.close(constants.NGHTTP2_CANCEL);
    // The other side may not be there any more.
    stream.destroy();
  };
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
}

class Http1Transport implements Transport {
  readonly #access: Access;
  readonly #agent: HttpAgent;

  constructor(access: Access) {
    this.#access = access;
    const options = { keepAlive: true, maxSockets: 64, keepAliveMsecs: pingEveryMs };
    this.#agent =
      access.url.protocol === "http:" ? new HttpAgent(options) : new HttpsAgent({ ...options, ...access.tls });
  }

  send(call: Call, signal: AbortSignal): Promise<Reply> {
    const request = this.#access.url.protocol === "http:" ? requestHttp : requestHttps;
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(call.path, this.#access.url),
        { method: call.method, headers: call.headers, agent: this.#agent, signal },
        (incoming: IncomingMessage) => {
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bodyOf(incoming) });
        },
      );
      outgoing.on("error", (cause) => {
        reject(signal.aborted ? asError(signal.reason) : unreachable(this.#access, cause));
      });
      outgoing.end(call.body);
    });
  }

  // oxlint-disable-next-line typescript/require-await -- disposal has an asynchronous shape
  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
  }
}

function openSocket(access: Access, clock: Clock, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const settled = new AbortController();
    const { hostname, port } = access.url;
    const host = hostname.replace(/^\[(?<address>.*)\]$/u, "$<address>");
    const socket = connectTls({
      ...access.tls,
      host,
      port: port === "" ? 443 : Number(port),
      ALPNProtocols: ["h2", "http/1.1"],
      // An address in place of a name is not sent as one.
      ...(access.tls.servername === undefined && !/^[\d.:a-f]+$/u.test(host) ? { servername: host } : {}),
    });
    const fail = (cause: unknown): void => {
      settled.abort();
      socket.destroy();
      reject(signal.aborted ? asError(signal.reason) : unreachable(access, cause));
    };
    const abort = (): void => fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    settled.signal.addEventListener("abort", () => signal.removeEventListener("abort", abort), { once: true });
    clock.sleep(connectTimeoutMs, settled.signal).then(
      () => fail(new Error("connecting took too long")),
      () => undefined,
    );
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      settled.abort();
      socket.off("error", fail);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, pingEveryMs);
      resolve(socket);
    });
    if (signal.aborted) abort();
  });
}

export function unreachable(access: Access, cause: unknown): DroverError {
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new DroverError("api_unreachable", `the API server at ${access.url.host} cannot be reached${code}`, { cause });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DroverError("canceled", "canceled");
}
