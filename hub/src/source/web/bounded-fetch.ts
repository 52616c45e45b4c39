import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { Credential } from "./credential.ts";
import { sendRequest, unreachable } from "./https-request.ts";
import type { Networks } from "./networks.ts";
import { readBody, showUrl } from "./web-client.ts";

export interface BoundedFetchOptions {
  readonly networks: Networks;
  /** Its certificates only. */
  readonly credential: Credential | undefined;
  /** Of an answer. */
  readonly maxBytes: number;
  /** From the first byte of the question to the last one of the answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * `fetch` for libraries that bring their own protocol, within the hub's rules of where it may go: no redirect is followed,
 * and an answer has a size and a time. Throws what `sendRequest` does, and `input_too_large`.
 */
export function createBoundedFetch(
  options: BoundedFetchOptions,
): (url: string, init: RequestInit) => Promise<Response> {
  const { networks, credential, maxBytes, timeoutMs, clock } = options;
  return async (address, init) => {
    const asked = new Request(address, init);
    const url = new URL(asked.url);
    const body = new Uint8Array(await asked.arrayBuffer());
    const done = new AbortController();
    const late = new AbortController();
    const timer = clock.sleep(timeoutMs, done.signal).then(
      () => late.abort(unreachable(showUrl(url), "it took too long")),
      () => undefined,
    );
    try {
      const headers = Object.fromEntries(asked.headers);
      const stop = AbortSignal.any([asked.signal, late.signal]);
      const request = { url, shown: showUrl(url), method: asked.method, headers, credential, networks, signal: stop };
      const answer = await sendRequest(body.length === 0 ? request : { ...request, body });
      const bytes = await readBody(answer, url, maxBytes);
      const status = answer.statusCode ?? 0;
      const kept = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      return new Response(status === 204 || status === 304 ? null : bytes, { status, headers: kept });
    } catch (cause) {
      if (late.signal.aborted) throw late.signal.reason;
      throw cause instanceof DroverError ? cause : unreachable(showUrl(url), "the answer broke off");
    } finally {
      done.abort(new DroverError("canceled", "answered"));
      await timer;
    }
  };
}
