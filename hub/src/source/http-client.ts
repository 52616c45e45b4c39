import { DroverError } from "@drover/shared/errors";
import type { GitHttpRequest, GitHttpResponse } from "isomorphic-git";

import type { HttpAddress } from "./address.ts";
import { createByteBudget } from "./byte-budget.ts";
import { collect, unreachable, type GitTransport } from "./git-transport.ts";

export interface HttpClientOptions {
  readonly address: HttpAddress;
  /** Ends every request and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Bytes of all answers together. */
  readonly maxBytes: number;
}

/**
 * Git's requests over fetch: bounded, never redirected (a redirect would carry the credentials to whoever it names), and
 * with every failure turned into one of the source_* codes. Throws without credentials in any text.
 */
export function createHttpClient(options: HttpClientOptions): GitTransport {
  let failure: DroverError | undefined;
  const budget = createByteBudget(options.address.url, options.maxBytes);
  let authorization = basic(options.address);
  async function* count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of body) {
        budget.spend(chunk.length);
        yield chunk;
      }
    } catch (cause) {
      options.signal.throwIfAborted();
      failure = cause instanceof DroverError ? cause : unreachable(options.address.url, "the connection broke");
      throw failure;
    }
  }
  return {
    url: options.address.url,
    get failure() {
      return failure;
    },
    [Symbol.dispose]: () => undefined,
    async request(request) {
      const body = request.body === undefined ? undefined : await collect(request.body);
      let response = await send(request, { body, authorization, ...options });
      const asksForBearer = /^bearer\b/iu.test(response.headers.get("www-authenticate") ?? "");
      if (response.status === 401 && asksForBearer && options.address.password !== "") {
        await response.body?.cancel();
        authorization = `Bearer ${options.address.password}`;
        response = await send(request, { body, authorization, ...options });
      }
      if (response.status !== 200) {
        await response.body?.cancel();
        throw refusal(response, options.address);
      }
      return describeResponse(response, count);
    },
  };
}

interface SendOptions extends HttpClientOptions {
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly authorization: string | undefined;
}

async function send(request: GitHttpRequest, options: SendOptions): Promise<Response> {
  const { signal, body, authorization } = options;
  const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
  try {
    return await fetch(request.url, {
      method: request.method ?? "GET",
      headers,
      redirect: "manual",
      signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw unreachable(options.address.url, reasonOf(cause));
  }
}

function refusal(response: Response, { url, password }: SendOptions["address"]): DroverError {
  const { status } = response;
  if (status === 401 || status === 403) {
    return password === ""
      ? new DroverError("source_auth", `${url} asks for credentials`, {
          hint: "register it with a user name and a token",
        })
      : new DroverError("source_auth", `${url} refuses the credentials`, {
          hint: "they are wrong, expired, or may not read this repository",
        });
  }
  if (status === 404 || status === 410) {
    return new DroverError("source_missing", `there is no repository at ${url}`, {
      hint: "check the address; some servers also answer so when credentials are missing",
    });
  }
  const location = response.headers.get("location");
  if (status >= 300 && status < 400 && location !== null) {
    return new DroverError("source_missing", `${url} has moved to ${withoutQuery(location, url)}`, {
      hint: "register the new address",
    });
  }
  return new DroverError("source_unreachable", `${url} answers with status ${status}`, {
    hint: "it is tried again by itself",
  });
}

function withoutQuery(location: string, base: string): string {
  if (!URL.canParse(location, base)) return "another address";
  const { origin, pathname } = new URL(location, base);
  return `${origin}${pathname.replace(/\/info\/refs$/u, "")}`;
}

function describeResponse(
  response: Response,
  count: (body: AsyncIterable<Uint8Array>) => AsyncIterableIterator<Uint8Array>,
): GitHttpResponse {
  return {
    url: response.url,
    statusCode: response.status,
    statusMessage: response.statusText,
    headers: Object.fromEntries(response.headers),
    ...(response.body === null ? {} : { body: count(response.body) }),
  };
}

function basic({ username, password }: SendOptions["address"]): string | undefined {
  if (username === "" && password === "") return undefined;
  // Servers that take a token as the password look at the user name little, but want one.
  const text = `${username === "" ? "token" : username}:${password}`;
  return `Basic ${Buffer.from(text, "utf8").toString("base64")}`;
}

/** fetch hides what went wrong in `cause`; its code says enough. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error ? cause.cause : undefined;
  if (inner instanceof Error && "code" in inner && typeof inner.code === "string") return inner.code;
  return "the connection failed";
}
