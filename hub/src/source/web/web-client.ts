import type { IncomingMessage } from "node:http";

import { DroverError } from "@drover/shared/errors";

import type { Credential } from "./credential.ts";
import { explainFailure, sendRequest, unreachable } from "./https-request.ts";
import type { Networks } from "./networks.ts";

export interface WebRequest {
  readonly accept?: string;
  /** Goes to the origin of the client, and to no other that it redirects to. */
  readonly authorization?: string | undefined;
  /** Conditions of the question. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer. */
  readonly maxBytes: number;
}

export interface WebAnswer {
  readonly status: number;
  readonly header: (name: string) => string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** GET requests of one look at a server that a file in Git names: bounded, and careful where they go. */
export interface WebClient {
  /**
   * Follows redirects, to https or from http to http. Whatever the status is, it is an answer. Throws
   * `source_unreachable`, `source_untrusted`, `input_too_large`, `forbidden`; the texts hold no query and no credentials.
   */
  get(url: URL, request: WebRequest): Promise<WebAnswer>;
}

export interface WebClientOptions {
  /** Whom the credential is for; its certificates are shown to no other. */
  readonly origin: string;
  readonly credential: Credential | undefined;
  /** Where it, and what it redirects to, may be. */
  readonly networks: Networks;
  /** Aborts when the server has had its time. */
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal;
}

const maxRedirects = 5;

export function createWebClient(options: WebClientOptions): WebClient {
  const stop = AbortSignal.any([options.signal, options.deadline]);
  return {
    async get(first, request) {
      let url = first;
      for (let hop = 0; hop <= maxRedirects; hop += 1) {
        try {
          const answer = await send(url, request, { ...options, signal: stop });
          const next = redirection(answer, url);
          if (next === undefined) return answer;
          url = next;
        } catch (cause) {
          options.signal.throwIfAborted();
          if (options.deadline.aborted) throw unreachable(showUrl(url), "it took too long");
          throw explainFailure({ shown: showUrl(url), credential: options.credential }, cause);
        }
      }
      throw unreachable(showUrl(first), `it redirects more than ${maxRedirects} times`);
    },
  };
}

/** An address in a text: no query, which may hold a signature. */
export function showUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

async function send(url: URL, request: WebRequest, options: WebClientOptions): Promise<WebAnswer> {
  const { accept, authorization } = request;
  const isOwn = url.origin === options.origin;
  const response = await sendRequest({
    url,
    shown: showUrl(url),
    headers: {
      ...request.headers,
      ...(accept === undefined ? {} : { accept }),
      ...(isOwn && authorization !== undefined ? { authorization } : {}),
    },
    credential: isOwn ? options.credential : undefined,
    networks: options.networks,
    signal: options.signal,
  });
  const body = await readBody(response, url, request.maxBytes);
  const header = (name: string): string => {
    const value = response.headers[name];
    return typeof value === "string" ? value : (value?.[0] ?? "");
  };
  return { status: response.statusCode ?? 0, header, body };
}

/** Throws `input_too_large`; the rest is not read then. */
export async function readBody(
  response: IncomingMessage,
  url: URL,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop destroys the response, and with it the connection.
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) {
      const most = maxBytes >= 1024 * 1024 ? `${maxBytes / 1024 / 1024} MiB` : `${maxBytes} bytes`;
      throw new DroverError("input_too_large", `${showUrl(url)} is larger than ${most}`);
    }
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

const redirects = new Set([301, 302, 303, 307, 308]);

function redirection({ status, header }: WebAnswer, from: URL): URL | undefined {
  const location = header("location");
  if (!redirects.has(status) || location === "") return undefined;
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isSafe =
    to !== undefined && (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:"));
  if (isSafe) return to;
  const where = to === undefined ? "nowhere" : `${to.protocol}//${to.host}`;
  throw new DroverError("forbidden", `${showUrl(from)} redirects to ${where}, where it may not lead`, {
    hint: "name the address that is meant, over https",
  });
}
