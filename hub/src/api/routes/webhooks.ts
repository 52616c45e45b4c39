import type { IncomingMessage } from "node:http";

import { DroverError } from "@drover/shared/errors";
import { Type } from "typebox";

import type { WebhookDelivery } from "../backend.ts";
import type { RouteContext, Routes } from "../context.ts";

export const webhookPath = "/webhooks/:source";

/**
 * Where forges tell of pushes, without a token: a delivery proves by its header that its sender knows the secret of the
 * source. It says that there may be news and nothing else is read from it, so that one sent again, forged in part or
 * about an old commit does no more than to make the hub look. To be registered in a scope of its own.
 */
export function webhookRoutes(scope: Routes, context: RouteContext): void {
  const { backend, limits } = context;
  // Whatever it says that it is: the body is passed on as it comes.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
  let coming = 0;
  scope.post(webhookPath, { schema: operation }, async (request, reply) => {
    const delivery = backend.receiveWebhook(request.params.source, request.headers);
    // Whoever is refused in the middle of a body does not get to send the rest of it.
    void reply.header("connection", "close");
    if (coming >= limits.webhooks) {
      delivery.drop();
      throw new DroverError("timeout", "too many webhooks are being received", { hint: "send it again later" });
    }
    coming += 1;
    try {
      await receive(request.raw, delivery, context);
    } catch (cause) {
      delivery.drop();
      throw cause;
    } finally {
      coming -= 1;
    }
    void reply.removeHeader("connection");
    if (delivery.end()) return reply.code(202).type("text/plain").send("accepted\n");
    // The same for a source that is not there: names of sources are nobody's business.
    throw new DroverError("signature_invalid", "this webhook is not proved to come from the forge of a source", {
      hint: "give the forge the address and the secret that drover source webhook prints; the hub's events say more",
    });
  });
}

/** Throws `input_too_large`, `timeout`, and `canceled` when the sender or the hub goes away. */
async function receive(body: IncomingMessage, delivery: WebhookDelivery, context: RouteContext): Promise<void> {
  const { clock, closing, limits } = context;
  const done = new AbortController();
  const late = clock.sleep(limits.webhookTimeoutMs, AbortSignal.any([done.signal, closing])).then(() => {
    throw new DroverError("timeout", "the webhook did not come in time");
  });
  try {
    await Promise.race([passOn(body, delivery, limits.webhookBytes), late]);
  } finally {
    done.abort(new DroverError("canceled", "the webhook has come"));
    late.catch(() => undefined);
  }
}

async function passOn(body: IncomingMessage, delivery: WebhookDelivery, maxBytes: number): Promise<void> {
  let bytes = Number(body.headers["content-length"] ?? 0);
  if (bytes <= maxBytes) {
    bytes = 0;
    try {
      for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) break;
        delivery.take(chunk);
      }
    } catch (cause) {
      throw new DroverError("canceled", "the sender went away", { cause });
    }
  }
  if (bytes > maxBytes) throw new DroverError("input_too_large", "the webhook is larger than the hub takes");
}

const operation = {
  operationId: "receiveWebhook",
  summary: "Take a forge's word that a source may have news; proved by the forge's own header, not by a token",
  params: Type.Object({ source: Type.String() }),
  produces: ["text/plain"],
  response: { 202: Type.String({ description: "The source will be looked at" }) },
};
