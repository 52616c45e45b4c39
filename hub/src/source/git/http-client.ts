import type { IncomingMessage } from "node:http";

import { DroverError } from "@drover/shared/errors";
import type { GitHttpResponse } from "isomorphic-git";

import { createByteBudget } from "../web/byte-budget.ts";
import { basicOf, type Credential } from "../web/credential.ts";
import { explainFailure, keepConnections, sendRequest } from "../web/https-request.ts";
import type { Networks } from "../web/networks.ts";
import type { HttpAddress } from "./address.ts";
import { collect, type GitTransport } from "./git-transport.ts";

export interface HttpClientOptions {
  readonly address: HttpAddress;
  /** Stands in for the user and the password of the address, and holds certificates. */
  readonly credential: Credential | undefined;
  readonly networks: Networks;
  /** Ends every request and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Bytes of all answers together. */
  readonly maxBytes: number;
}

/**
 * Git's requests over one connection: bounded, never redirected (a redirect would carry the credentials to whoever it
 * names), and with every failure turned into one of the source_* codes. Throws without credentials in any text.
 */
export function createHttpClient(options: HttpClientOptions): GitTransport {
  const { address, credential, networks, signal, maxBytes } = options;
  const { url } = address;
  const login = loginOf(address, credential);
  const budget = createByteBudget(url, maxBytes);
  const agent = keepConnections(url);
  let authorization = basicOf(login);
  let failure: DroverError | undefined;
  async function* read(answer: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        budget.spend(chunk.length);
        yield chunk;
      }
    } catch (cause) {
      signal.throwIfAborted();
      failure = explainFailure({ shown: url, credential }, cause);
      throw failure;
    }
  }
  return {
    url,
    get failure() {
      return failure;
    },
    [Symbol.dispose]: () => agent.destroy(),
    async request(request) {
      const body = request.body === undefined ? undefined : await collect(request.body);
      const send = async (): Promise<IncomingMessage> => {
        const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
        const to = { url: new URL(request.url), shown: url, credential, networks, agent };
        return sendRequest({ ...to, method: request.method, headers, body, signal });
      };
      let answer = await send();
      const asksForBearer = /^bearer\b/iu.test(answer.headers["www-authenticate"] ?? "");
      if (answer.statusCode === 401 && asksForBearer && login.password !== "") {
        answer.destroy();
        authorization = `Bearer ${login.password}`;
        answer = await send();
      }
      if (answer.statusCode === 200) return describeResponse(request.url, answer, read);
      answer.destroy();
      throw refusal(answer, url, login);
    },
  };
}

type Login = Pick<Credential, "username" | "password">;

function loginOf({ username, password }: HttpAddress, credential: Credential | undefined): Login {
  return credential !== undefined && basicOf(credential) !== undefined ? credential : { username, password };
}

function refusal({ statusCode: status = 0, headers }: IncomingMessage, url: string, { password }: Login): DroverError {
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
  const { location } = headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    return new DroverError("source_missing", `${url} has moved to ${withoutQuery(location, url)}`, {
      hint: "register the new address",
    });
  }
  const isBadRequest = status === 400 && url.startsWith("https:");
  return new DroverError("source_unreachable", `${url} answers with status ${status}`, {
    hint: isBadRequest ? "some servers answer so when they want a client certificate" : "it is tried again by itself",
  });
}

function withoutQuery(location: string, base: string): string {
  if (!URL.canParse(location, base)) return "another address";
  const { origin, pathname } = new URL(location, base);
  return `${origin}${pathname.replace(/\/info\/refs$/u, "")}`;
}

function describeResponse(
  url: string,
  answer: IncomingMessage,
  read: (answer: IncomingMessage) => AsyncIterableIterator<Uint8Array>,
): GitHttpResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) if (typeof value === "string") headers[name] = value;
  const { statusCode = 0, statusMessage = "" } = answer;
  return { url, statusCode, statusMessage, headers, body: read(answer) };
}
