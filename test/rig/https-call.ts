import { request } from "node:https";
import { text } from "node:stream/consumers";

export interface HttpsCall {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  /** Sent as JSON by POST; without it the call is a GET. */
  readonly body?: unknown;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
}

const answerTimeoutMs = 5_000;

/** One call on its own connection, as start-up needs it. Rejects when nothing answers within 5 s. */
export function httpsCall({ url, caPem, token, body }: HttpsCall): Promise<HttpsAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpsAnswer>();
  const call = request(url, {
    method: body === undefined ? "GET" : "POST",
    agent: false,
    ca: caPem,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  call.once("error", reject);
  call.once("response", (response) => {
    text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
  });
  call.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
