import { once } from "node:events";
import { request } from "node:https";
import { json } from "node:stream/consumers";

import { at, listAt, recordAt, textAt } from "../json.ts";
import type { ConfiguredWebhook } from "./configured.ts";

export type WebhookAnswer = {
  readonly allowed: boolean;
  /** JSON of an RFC 6902 patch; undefined without one. */
  readonly patch: unknown;
  readonly status: unknown;
  readonly warnings: readonly string[];
};

/** Sends a review to a webhook. Rejects when it does not answer in time, or not with a review of the same uid. */
export async function callWebhook(webhook: ConfiguredWebhook, body: object, uid: string): Promise<WebhookAnswer> {
  if (webhook.url === undefined) throw new Error("services have no endpoints in an embedded cluster");
  const url = new URL(webhook.url);
  url.searchParams.set("timeout", `${webhook.timeoutSeconds}s`);
  const signal = AbortSignal.timeout(webhook.timeoutSeconds * 1000);
  const answer = await post(url, { caPem: webhook.caPem, body: JSON.stringify(body), signal }).catch(
    (cause: unknown) => {
      const why = signal.aborted ? "context deadline exceeded" : messageOf(cause);
      throw new Error(`Post "${url.href}": ${why}`);
    },
  );
  if (answer.status !== 200) {
    throw new Error('an error on the server ("") has prevented the request from succeeding');
  }
  return readAnswer(answer.body, uid);
}

type Call = { readonly caPem: string; readonly body: string; readonly signal: AbortSignal };

async function post(url: URL, { caPem, body, signal }: Call): Promise<{ status: number; body: unknown }> {
  const headers = { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
  const call = request(url, { method: "POST", agent: false, ...(caPem === "" ? {} : { ca: caPem }), headers, signal });
  const answered = once(call, "response");
  call.end(body);
  const [response] = await answered;
  const status: number = response.statusCode ?? 0;
  if (status !== 200) {
    response.resume();
    return { status, body: undefined };
  }
  return { status, body: await json(response) };
}

function readAnswer(body: unknown, uid: string): WebhookAnswer {
  const response = recordAt(body, "response");
  if (response === undefined) throw new Error("webhook response is missing");
  const given = textAt(response, "uid") ?? "";
  if (given !== uid) throw new Error(`expected response.uid="${uid}", got "${given}"`);
  const patch = textAt(response, "patch");
  return {
    allowed: response["allowed"] === true,
    patch: patch === undefined ? undefined : (JSON.parse(Buffer.from(patch, "base64").toString()) as unknown),
    status: at(response, "status"),
    warnings: listAt(response, "warnings").filter((each) => typeof each === "string"),
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
