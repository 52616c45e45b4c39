import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** Where an API server is and how to get in as an administrator. */
export interface ApiAccess {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}

export type Query = Readonly<Record<string, string | number | boolean>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON; a string goes out as it is. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Instead of the administrator's token; empty sends none. */
  readonly token?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; an empty object when it is not JSON. */
  readonly body: ApiBody;
}

export interface ManagedFieldsEntry {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: string;
  readonly fieldsV1: unknown;
  readonly subresource?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly object[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** What suites read out of bodies by name; everything else they compare with `toMatchObject`. */
export interface ApiBody {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly items: readonly ApiBody[];
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly message: string;
  readonly reason: string;
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ApiBody;
}

export interface Watch extends AsyncDisposable {
  readonly status: number;
  /** The next event, or undefined when the server has ended the stream. Rejects after 15 s without either. */
  next(): Promise<WatchEvent | undefined>;
  /** Skips events until one fits; rejects when the stream ends first. */
  until(fits: (event: WatchEvent) => boolean): Promise<WatchEvent>;
}

export interface ApiClient {
  request(method: string, path: string, options?: RequestOptions): Promise<ApiAnswer>;
  get(path: string, query?: Query, accept?: string): Promise<ApiAnswer>;
  post(path: string, body: unknown, query?: Query): Promise<ApiAnswer>;
  put(path: string, body: unknown, query?: Query): Promise<ApiAnswer>;
  delete(path: string, body?: unknown, query?: Query): Promise<ApiAnswer>;
  patch(path: string, kind: PatchKind, body: unknown, query?: Query): Promise<ApiAnswer>;
  /** Server-side apply as `drover`, unless the query names another `fieldManager`. */
  apply(path: string, body: unknown, query?: Query): Promise<ApiAnswer>;
  watch(path: string, query?: Query, accept?: string): Promise<Watch>;
  close(): void;
}

export type PatchKind = "json" | "merge" | "strategic" | "apply";

const patchTypes: Readonly<Record<PatchKind, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const silenceMs = 15_000;

/**
 * A thin HTTPS client that hides nothing: status, headers and body as the server sent them. `more` are headers of every
 * request, such as those of an impersonation.
 */
export function createApiClient(access: ApiAccess, more: Readonly<Record<string, string>> = {}): ApiClient {
  const agent = new Agent({ keepAlive: true, ca: access.caPem });
  const open = async (method: string, path: string, options: RequestOptions): Promise<IncomingMessage> => {
    const url = new URL(access.url + path);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, String(value));
    const token = options.token ?? access.token;
    const headers: Record<string, string> = { ...more, accept: options.accept ?? "application/json" };
    if (token !== "") headers["authorization"] = `Bearer ${token}`;
    const body = encodeBody(options.body);
    if (body !== undefined) {
      headers["content-type"] = options.contentType ?? "application/json";
      // Node announces the body of a DELETE to nobody unless told to.
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    const call = httpsRequest(url, { method, agent, headers, timeout: silenceMs * 4 });
    call.once("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
    call.end(body);
    const [response] = await once(call, "response");
    return response;
  };
  const request = async (method: string, path: string, options: RequestOptions = {}): Promise<ApiAnswer> => {
    const response = await open(method, path, options);
    const answer = await text(response);
    return { status: response.statusCode ?? 0, headers: response.headers, text: answer, body: parseBody(answer) };
  };
  const patch: ApiClient["patch"] = (path, kind, body, query = {}) =>
    request("PATCH", path, { body, contentType: patchTypes[kind], query });
  return {
    request,
    get: (path, query = {}, accept = "application/json") => request("GET", path, { query, accept }),
    post: (path, body, query = {}) => request("POST", path, { body, query }),
    put: (path, body, query = {}) => request("PUT", path, { body, query }),
    delete: (path, body, query = {}) => request("DELETE", path, { body, query }),
    patch,
    apply: (path, body, query = {}) => patch(path, "apply", body, { fieldManager: "drover", ...query }),
    async watch(path, query = {}, accept = "application/json") {
      const response = await open("GET", path, { accept, query: { watch: 1, ...query } });
      return readWatch(response);
    },
    close: () => agent.destroy(),
  };
}

function encodeBody(body: unknown): string | undefined {
  return body === undefined || typeof body === "string" ? body : JSON.stringify(body);
}

function parseBody(answer: string): ApiBody {
  try {
    return JSON.parse(answer) as ApiBody;
  } catch {
    return {} as ApiBody;
  }
}

function readWatch(response: IncomingMessage): Watch {
  // A stream that the test closes ends with an error that nobody waits for.
  response.on("error", () => undefined);
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async (): Promise<WatchEvent | undefined> => {
    const timeout = AbortSignal.timeout(silenceMs);
    const silence = once(timeout, "abort").then(() => {
      throw new Error(`no watch event for ${silenceMs} ms`);
    });
    const line = await Promise.race([lines.next(), silence]);
    if (line.done === true) return undefined;
    return JSON.parse(line.value) as WatchEvent;
  };
  return {
    status: response.statusCode ?? 0,
    next,
    async until(fits) {
      const seen: string[] = [];
      for (;;) {
        const event = await next();
        if (event === undefined) throw new Error(`the watch ended before the event; it sent ${seen.join(", ")}`);
        if (fits(event)) return event;
        seen.push(`${event.type} ${event.object.metadata.name}`);
      }
    },
    [Symbol.asyncDispose]() {
      response.destroy();
      return Promise.resolve();
    },
  };
}
