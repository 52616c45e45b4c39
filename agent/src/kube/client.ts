import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { numberAt, recordsAt, textAt } from "@drover/shared/json";

import type { Access } from "./access.ts";
import type { KubeAnswer, KubeApi, KubeRequest, Refusal, StreamAnswer } from "./api.ts";
import type { Body } from "./body.ts";
import { createDeadlines, type Deadline } from "./deadline.ts";
import { createTransport, unreachable, type Reply, type Transport } from "./transport.ts";

export interface ClientOptions {
  readonly access: Access;
  readonly clock: Clock;
  /** Names this client in the server's audit log. */
  readonly userAgent: string;
  /** Default: connections of their own for calls and for watches. */
  readonly transport?: () => Transport;
}

const defaultTimeoutMs = 30_000;
/** etcd holds no object over 1.5 MiB and lists are paged, so more than this is not an API server's answer. */
const maxAnswerBytes = 64 << 20;
const maxLineBytes = 8 << 20;

/** A client of one API server. Watches run on a connection of their own, so a slow one never delays a write. */
export function createKubeApi(options: ClientOptions): KubeApi {
  const { access, clock, userAgent } = options;
  const { transport = () => createTransport(access, clock) } = options;
  const calls = transport();
  const watches = transport();
  const credentials = createCredentials(access, clock);
  const deadlines = createDeadlines(clock);
  const attempt = async (options: Attempt): Promise<Reply> => {
    const { transport, request, signal } = options;
    const headers = { ...(await credentials.headers()), ...headersOf(request), "user-agent": userAgent };
    const body = request.body === undefined ? {} : { body: request.body };
    return transport.send({ method: request.method, path: request.path, headers, ...body }, signal);
  };
  const send = async (options: Attempt): Promise<Reply> => {
    const { age } = credentials;
    const reply = await attempt(options);
    if (reply.status !== 401 || !(await credentials.renew(age))) return reply;
    reply.body.destroy();
    return attempt(options);
  };
  return {
    async request(request, outer) {
      using deadline = deadlines.start(request.timeoutMs ?? defaultTimeoutMs, outer);
      const { signal } = deadline;
      const reply = await send({ transport: calls, request, signal });
      return toAnswer(reply, await readAll(access, reply.body, signal));
    },
    async stream(path, accept, outer): Promise<StreamAnswer> {
      const deadline = deadlines.start(defaultTimeoutMs, outer);
      try {
        const { signal } = deadline;
        const reply = await send({ transport: watches, request: { method: "GET", path, accept }, signal });
        if (reply.status === 200) {
          deadline.lift();
          return { kind: "ok", lines: readLines(access, reply.body, deadline) };
        }
        const answer = toAnswer(reply, await readAll(access, reply.body, signal));
        if (answer.kind === "refused") return answer;
        throw unreachable(access, new Error(`status ${reply.status} on a watch`));
      } catch (cause) {
        deadline[Symbol.dispose]();
        throw cause;
      }
    },
    async [Symbol.asyncDispose]() {
      deadlines[Symbol.dispose]();
      await Promise.all([calls[Symbol.asyncDispose](), watches[Symbol.asyncDispose]()]);
    },
  };
}

/** Credentials that were just fetched anew and are refused do not get better by being fetched again. */
const renewEveryMs = 10_000;

interface Credentials {
  /** Goes up when they are fetched anew. */
  readonly age: number;
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Fetches them anew, once for all who find them refused. False when those of that age are the newest to be had. */
  renew(refusedAge: number): Promise<boolean>;
}

function createCredentials(access: Access, clock: Clock): Credentials {
  let age = 0;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let renewing: Promise<boolean> | undefined;
  const fetchAnew = async (): Promise<boolean> => {
    renewedAt = clock.now();
    try {
      await access.authorize({ renew: true });
      age += 1;
      return true;
    } catch {
      return false;
    } finally {
      renewing = undefined;
    }
  };
  return {
    get age() {
      return age;
    },
    headers: () => access.authorize({ renew: false }),
    renew(refusedAge) {
      if (refusedAge !== age) return Promise.resolve(true);
      if (renewing === undefined && clock.now() - renewedAt < renewEveryMs) return Promise.resolve(false);
      return (renewing ??= fetchAnew());
    },
  };
}

function headersOf(request: KubeRequest): Readonly<Record<string, string>> {
  return {
    accept: request.accept === undefined ? "application/json" : `${request.accept}, application/json`,
    ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
    ...(request.as === undefined ? {} : { "impersonate-user": request.as }),
  };
}

interface Attempt {
  readonly transport: Transport;
  readonly request: KubeRequest;
  readonly signal: AbortSignal;
}

async function readAll(access: Access, body: Body, signal: AbortSignal): Promise<string> {
  try {
    return (await body.whole(maxAnswerBytes)).toString("utf8");
  } catch (cause) {
    throw failure(access, cause, signal);
  }
}

async function* readLines(access: Access, body: Body, deadline: Deadline): AsyncGenerator<unknown, void> {
  let rest = nothing;
  try {
    for await (const chunk of body.stream()) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const line = join(rest, chunk.subarray(start, end));
        rest = nothing;
        start = end + 1;
        if (line.length > 0) yield parseLine(line);
      }
      rest = join(rest, chunk.subarray(start));
      if (rest.length > maxLineBytes) throw new Error("a line is too long");
    }
  } catch (cause) {
    throw failure(access, cause, deadline.signal);
  } finally {
    body.destroy();
    deadline[Symbol.dispose]();
  }
}

const nothing: Buffer = Buffer.alloc(0);

function join(a: Buffer, b: Buffer): Buffer {
  return a.length === 0 ? b : Buffer.concat([a, b]);
}

/** The parser's own error quotes what it read. */
function parseLine(line: Buffer): unknown {
  const value = parse(line.toString("utf8"));
  if (value === undefined) throw new Error("a line is not JSON");
  return value;
}

function failure(access: Access, cause: unknown, signal: AbortSignal): Error {
  if (signal.aborted && signal.reason instanceof Error) return signal.reason;
  return cause instanceof DroverError ? cause : unreachable(access, cause);
}

function toAnswer(reply: Reply, text: string): KubeAnswer {
  const body = parse(text);
  const flowControlled = reply.headers["x-kubernetes-pf-flowschema-uid"] !== undefined;
  if (reply.status >= 200 && reply.status < 300 && body !== undefined) {
    return { kind: "ok", status: reply.status, body, flowControlled };
  }
  return { kind: "refused", refusal: toRefusal(reply, body), flowControlled };
}

function toRefusal(reply: Reply, body: unknown): Refusal {
  const isStatus = textAt(body, "kind") === "Status";
  const retryAfterMs = readRetryAfter(reply.headers, numberAt(body, "details", "retryAfterSeconds"));
  return {
    status: reply.status,
    reason: isStatus ? (textAt(body, "reason") ?? "Unknown") : "",
    message: isStatus ? (textAt(body, "message") ?? "") : "",
    about: textAt(body, "details", "kind") ?? "",
    causes: recordsAt(body, "details", "causes").map((cause) => ({
      reason: textAt(cause, "reason") ?? "",
      field: textAt(cause, "field") ?? "",
      message: textAt(cause, "message") ?? "",
    })),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** A date is compared with the answer's own, never with the clock of this machine (case 70). */
function readRetryAfter(headers: Reply["headers"], seconds: number | undefined): number | undefined {
  const header = headers["retry-after"];
  const text = typeof header === "string" ? header.trim() : "";
  const waitMs = /^\d+$/u.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.parse(String(headers["date"]));
  if (Number.isFinite(waitMs)) return Math.max(0, waitMs);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** undefined for text that is no JSON, such as the router's `404 page not found`. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
