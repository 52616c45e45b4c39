import { systemClock, type Clock } from "../clock.ts";
import { DroverError } from "../errors.ts";
import { backoffMs, type Random } from "../retry.ts";
import { codeOfStatus, isErrorCode } from "./error-status.ts";
import type { ProblemDetail } from "./types.ts";

/** Names a request, so that the hub decides it once however often it comes. */
export const idempotencyHeader = "idempotency-key";

/** The part of `fetch` that the client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Requests to the hub with the token, and answers and failures as values and DroverErrors. */
export interface Http {
  get<T>(path: string, signal: AbortSignal, query?: object): Promise<T>;
  send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, signal: AbortSignal, body?: object): Promise<T>;
  /** The answer as it comes, once it is known to be a success. */
  open(path: string, init: RequestInit): Promise<Response>;
}

export interface HttpOptions {
  readonly url: string;
  /** "" = none is shown. */
  readonly token: string;
  /** What all paths begin with; default `/api/v1`. */
  readonly root?: string;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}

export function createHttp(options: HttpOptions): Http {
  const base = `${options.url.replace(/\/+$/u, "")}${options.root ?? "/api/v1"}`;
  const call = options.fetch ?? fetch;
  const open = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (options.token !== "") headers.set("authorization", `Bearer ${options.token}`);
    // A redirect would carry the token to an address that nobody configured.
    const response = await call(`${base}${path}`, { ...init, headers, redirect: "error" }).catch((cause: unknown) => {
      throw asUnreachable(cause, options.url, init.signal);
    });
    if (!response.ok) throw await asError(response, options.url);
    return response;
  };
  return {
    open,
    get: async (path, signal, query) => readJson(await open(`${path}${formatQuery(query)}`, { signal }), options.url),
    async send<T>(method: string, path: string, signal: AbortSignal, body?: object) {
      const json = body === undefined ? {} : { body: JSON.stringify(body), headers: jsonHeaders };
      const headers = { ...json.headers, [idempotencyHeader]: crypto.randomUUID() };
      const init = { method, signal, ...json, headers };
      return askUntilKnown(async () => readJson<T>(await open(path, init), options.url), options, signal);
    },
  };
}

/** Waits that follow each other: as long as a hub may take to start again. */
const waits = { baseMs: 200, factor: 2, capMs: 2_000, jitter: 0.2, tries: 10 };

/**
 * Asks again while it is not known whether the hub has decided: the connection broke after the request had gone out, and
 * the hub knows it by its key when it comes again. What never went out is told at once.
 */
async function askUntilKnown<T>(
  ask: () => Promise<T>,
  { clock = systemClock, random = Math.random }: HttpOptions,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (cause) {
      const error = DroverError.from(cause);
      const isDoubtful = error.code === "api_unreachable" && (attempt > 0 || wasSent(error.cause));
      if (!isDoubtful || attempt >= waits.tries) throw cause;
      await clock.sleep(backoffMs(waits, attempt, random), signal);
    }
  }
}

const notSent: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether there was a connection, and what answered may have been a hub. */
function wasSent(cause: unknown): boolean {
  if (cause instanceof SyntaxError) return false;
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return !(inner instanceof Error && "code" in inner && notSent.has(inner.code));
}

/** What `cause` means for somebody who wanted to reach the hub at `url`. */
export function asUnreachable(cause: unknown, url: string, signal: AbortSignal | null | undefined): DroverError {
  if (signal?.aborted === true) return DroverError.from(signal.reason, "canceled");
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new DroverError("api_unreachable", `the hub at ${url} cannot be reached: ${reason}`, {
    hint: "is it running? start one here with npm start, or choose another with drover context use NAME",
    cause,
  });
}

/** `?a=1&b=2` with what is defined; empty when nothing is. */
export function formatQuery(query: object | undefined): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

const jsonHeaders = { "content-type": "application/json" };

async function readJson<T>(response: Response, url: string): Promise<T> {
  if (response.status === 204) return undefined as T;
  try {
    // The hub's answers are typed by the same schemas as this client; they are not checked again here.
    return (await response.json()) as T;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw asUnreachable(cause, url, undefined);
    throw new DroverError("api_unreachable", `what answers at ${url} is not a Drover hub`, { cause });
  }
}

async function asError(response: Response, url: string): Promise<DroverError> {
  const problem = await readProblem(response);
  if (problem === undefined) {
    const code = codeOfStatus(response.status);
    return new DroverError(code, `${url} answered ${response.status} ${response.statusText}`.trimEnd());
  }
  return new DroverError(
    isErrorCode(problem.code) ? problem.code : codeOfStatus(response.status),
    problem.detail ?? problem.title ?? `the hub answered ${response.status}`,
    {
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      ...(problem.at === undefined ? {} : { at: problem.at }),
      ...(problem.trace === undefined ? {} : { trace: problem.trace }),
    },
  );
}

/** Undefined for what does not come from a hub: a proxy's page, an empty answer. */
async function readProblem(response: Response): Promise<Partial<ProblemDetail> | undefined> {
  if (response.headers.get("content-type")?.startsWith("application/problem+json") !== true) return undefined;
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}
