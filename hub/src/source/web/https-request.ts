import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

import { digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import { SizedCache } from "../sized-cache.ts";
import type { Credential } from "./credential.ts";
import type { Networks } from "./networks.ts";
import { tlsFailure } from "./tls-failure.ts";

export interface HttpsRequest {
  readonly url: URL;
  /** How errors name the address: without anything secret. */
  readonly shown: string;
  /** Default GET. */
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Its certificates are trusted and shown; user and password are the caller's to send. */
  readonly credential: Credential | undefined;
  /** Where the server may be. */
  readonly networks: Networks;
  /** Keeps the connection for the next request; default: each has one of its own. */
  readonly agent?: HttpAgent;
  /** Ends the request and the reading of its answer. */
  readonly signal: AbortSignal;
}

/**
 * Sends one request over http or https, and follows no redirect. Leaving the answer's body early ends its connection.
 * Throws `source_untrusted`, `source_unreachable`, `forbidden` for an address that may not be reached, `source_auth` for
 * certificates that nobody can use, and the signal's reason.
 */
export async function sendRequest(request: HttpsRequest): Promise<IncomingMessage> {
  request.networks.check(request.url.hostname);
  try {
    const first = start(request);
    return await answerTo(first).catch(async (cause: unknown) => {
      // A server may close a connection that was kept while the next request is on its way: nobody is to blame.
      if (first.reusedSocket && codeOf(cause) === "ECONNRESET") return answerTo(start(request));
      throw cause;
    });
  } catch (cause) {
    request.signal.throwIfAborted();
    throw explainFailure(request, cause);
  }
}

/** Keeps connections to a server open; to be destroyed when nothing is asked of it any more. */
export function keepConnections(url: string): HttpAgent {
  return new (url.startsWith("https:") ? HttpsAgent : HttpAgent)({ keepAlive: true });
}

/** What a failed connection says about a server. */
export function explainFailure(
  { shown, credential }: Pick<HttpsRequest, "shown" | "credential">,
  cause: unknown,
): DroverError {
  if (cause instanceof DroverError) return cause;
  const code = codeOf(cause);
  const hasShown = (credential?.clientCertificate ?? "") !== "";
  const failure = tlsFailure(shown, code, hasShown);
  if (failure !== undefined) return failure;
  if (hasShown && ["ECONNRESET", "EPIPE"].includes(code)) return unreachable(shown, code, perhapsRefused);
  return unreachable(shown, code === "" ? "the connection failed" : code);
}

const perhapsRefused = "some servers end the connection so when they do not trust the client certificate";

export function unreachable(shown: string, why: string, hint = "it is tried again by itself"): DroverError {
  return new DroverError("source_unreachable", `${shown} does not answer: ${why}`, { hint });
}

function start(request: HttpsRequest): ClientRequest {
  const { url, method = "GET", headers, body, networks, agent = false, signal } = request;
  const isSecure = url.protocol === "https:";
  const call = (isSecure ? requestHttps : requestHttp)(url, {
    method,
    headers: { "user-agent": "drover", "accept-encoding": "identity", ...headers },
    lookup: networks.lookup,
    agent,
    signal,
    ...(isSecure ? { secureContext: contextOf(request) } : {}),
  });
  call.end(body);
  return call;
}

async function answerTo(call: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  call.once("response", resolve);
  // More than one may come.
  call.on("error", reject);
  call.once("close", () => reject(new Error("the connection was closed")));
  return promise;
}

/** Making one costs 20 ms, for all the authorities of the system that are in it. */
const contexts = new SizedCache<SecureContext>(32);

/** Undefined = Node's own, which all connections share. */
function contextOf({ shown, credential }: HttpsRequest): SecureContext | undefined {
  const { ca = "", clientCertificate = "", clientKey = "" } = credential ?? {};
  if (ca === "" && clientCertificate === "") return undefined;
  const key = digestOf(JSON.stringify([ca, clientCertificate, clientKey]));
  const known = contexts.get(key);
  if (known !== undefined) return known;
  try {
    const context = createSecureContext({
      ...(ca === "" ? {} : { ca: [...getCACertificates(), ca] }),
      ...(clientCertificate === "" ? {} : { cert: clientCertificate, key: clientKey }),
    });
    contexts.set(key, context, 1);
    return context;
  } catch (cause) {
    throw new DroverError(
      "source_auth",
      `the certificates of the credential for ${shown} cannot be used: ${codeOf(cause)}`,
      {
        hint: "they are PEM; the key is that of the client certificate, and has no passphrase",
      },
    );
  }
}

/** Node tells by a code what went wrong. */
function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
