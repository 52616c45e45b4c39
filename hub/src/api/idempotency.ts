import { hkdfSync } from "node:crypto";

import { idempotencyHeader } from "@drover/shared/api/http";
import { canonicalJson, digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { openBytes, sealBytes } from "@drover/shared/trust/aes-gcm";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Receipt } from "../core/receipt.ts";
import type { Backend, DecisionReceipt } from "./backend.ts";

/** Of what a client made up so that nobody else has it; a UUID has 36. */
const keyPattern = /^[\x21-\x7e]{16,128}$/u;
/** A longer answer is not kept: whoever asks again is told that it was done. */
const maxAnswerBytes = 256 * 1024;
const replayedHeader = "idempotency-replayed";

/**
 * A request that changes something and carries a key does so once, however often it comes within a day: the key is noted
 * in the transaction that decides, and whoever comes again gets the answer of the first time. What is noted is a hash;
 * the answer can be read with the key alone, for some tell a secret. To be added after the hooks that check rights.
 */
export function answerOnce(app: FastifyInstance, backend: Backend, now: () => number): void {
  const underWay = new Map<string, Promise<unknown>>();
  const finished = new WeakMap<FastifyRequest, () => void>();
  app.addHook("preHandler", async (request, reply) => {
    const receipt = receiptOf(request, now());
    if (receipt === undefined || request.decision === undefined) return undefined;
    // The same request once more, because its client does not know of the first: it is told what that one is.
    while (underWay.has(receipt.id)) await underWay.get(receipt.id);
    const known = backend.receipt(receipt.id, now());
    if (known !== undefined) return answerAgain(request, reply, { known, asked: receipt.request });
    const { promise, resolve } = Promise.withResolvers<void>();
    underWay.set(receipt.id, promise);
    finished.set(request, () => {
      underWay.delete(receipt.id);
      resolve();
    });
    request.decision.receipt = receipt;
    return undefined;
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const { decision, failure } = request;
    if (decision?.receipt === undefined) return;
    try {
      if (failure !== undefined) return;
      decision.receipt.foretell(reply.statusCode, typeof payload === "string" ? payload : "");
      backend.keepReceipt(decision.receipt);
    } catch (cause) {
      // It is decided and noted; only its answer cannot be told again.
      request.log.error({ err: cause }, "the answer to a request with a key could not be kept");
    } finally {
      finished.get(request)?.();
    }
  });
}

/** Throws `usage` for what is no key. Undefined for requests without one, and for those that change nothing. */
function receiptOf(request: FastifyRequest, atMs: number): DecisionReceipt | undefined {
  const { access } = request.routeOptions.config;
  const key = keyOf(request);
  if (key === undefined || typeof access !== "object" || access.verbs.includes("read")) return undefined;
  if (!keyPattern.test(key))
    throw new DroverError("usage", `${idempotencyHeader} has to be 16 to 128 letters of printable ASCII`);
  const asked = canonicalJson([request.method, request.url, request.body ?? null]);
  let answer = "";
  return {
    id: digestOf(canonicalJson([request.holder.principal?.id ?? "", request.holder.name, key])),
    request: digestOf(asked),
    atMs,
    get answer() {
      return answer;
    },
    foretell(status, body) {
      answer = body.length > maxAnswerBytes ? "" : seal(key, JSON.stringify({ status, body }));
    },
  };
}

async function answerAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  { known, asked }: { readonly known: Receipt; readonly asked: string },
): Promise<unknown> {
  if (asked !== known.request) {
    throw new DroverError("key_reused", "another request was sent with this key already", {
      hint: `send a new ${idempotencyHeader} with each new request`,
    });
  }
  // The first time has its entry in the audit log.
  request.decision = undefined;
  const answer = known.answer === "" ? undefined : open(keyOf(request) ?? "", known.answer);
  if (answer === undefined) {
    throw new DroverError("answer_lost", "this was done already, and what was answered is not known any more", {
      hint: "look at how it is now before you ask for more",
    });
  }
  const { status, body } = JSON.parse(answer) as { readonly status: number; readonly body: string };
  void reply.code(status).header(replayedHeader, "true");
  return body === "" ? reply.send() : reply.type("application/json; charset=utf-8").serializer(String).send(body);
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  return [headers[idempotencyHeader]].flat()[0];
}

function secretOf(key: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", "drover answer", 32));
}

function seal(key: string, text: string): string {
  return Buffer.from(sealBytes(secretOf(key), Buffer.from(text))).toString("base64");
}

function open(key: string, sealed: string): string | undefined {
  const bytes = openBytes(secretOf(key), Buffer.from(sealed, "base64"));
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
}
