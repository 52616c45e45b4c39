import type { IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { rootCertificates } from "node:tls";

import { DroverError } from "@drover/shared/errors";

import type { Credential } from "./credential.ts";
import { refuseLocalLink, safeLookup } from "./safe-lookup.ts";

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
   * `source_unreachable`, `input_too_large`, `forbidden`; the texts hold no query and no credentials.
   */
  get(url: URL, request: WebRequest): Promise<WebAnswer>;
}

export interface WebClientOptions {
  /** Whom the credential is for; its certificates are shown to no other. */
  readonly origin: string;
  readonly credential: Credential | undefined;
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
          if (cause instanceof DroverError) throw cause;
          throw unreachable(url, options.deadline.aborted ? "it took too long" : reasonOf(cause));
        }
      }
      throw unreachable(first, `it redirects more than ${maxRedirects} times`);
    },
  };
}

/** An address in a text: no query, which may hold a signature. */
export function showUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

export function unreachable(url: URL, why: string): DroverError {
  const hint = "it is tried again by itself";
  return new DroverError("source_unreachable", `${showUrl(url)} does not answer: ${why}`, { hint });
}

async function send(url: URL, request: WebRequest, options: WebClientOptions): Promise<WebAnswer> {
  refuseLocalLink(url.hostname);
  const { accept, authorization } = request;
  const isOwn = url.origin === options.origin;
  const call = url.protocol === "https:" ? requestHttps : requestHttp;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call(url, {
      agent: false,
      lookup: safeLookup,
      signal: options.signal,
      headers: {
        "user-agent": "drover",
        "accept-encoding": "identity",
        ...request.headers,
        ...(accept === undefined ? {} : { accept }),
        ...(isOwn && authorization !== undefined ? { authorization } : {}),
      },
      ...(isOwn ? certificates(options.credential) : {}),
    })
      .once("response", resolve)
      .once("error", reject)
      .end();
  });
  const body = await readBody(response, url, request.maxBytes);
  const header = (name: string): string => {
    const value = response.headers[name];
    return typeof value === "string" ? value : (value?.[0] ?? "");
  };
  return { status: response.statusCode ?? 0, header, body };
}

function certificates(credential: Credential | undefined): object {
  const { ca = "", clientCertificate = "", clientKey = "" } = credential ?? {};
  return {
    ...(ca === "" ? {} : { ca: [...rootCertificates, ca] }),
    ...(clientCertificate === "" ? {} : { cert: clientCertificate, key: clientKey }),
  };
}

async function readBody(response: IncomingMessage, url: URL, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
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

/** Node names the reason of a failed connection by a code. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : "the connection failed";
}
