import { randomUUID } from "node:crypto";

import type { ClusterState, User } from "../cluster-state.ts";
import { badRequest, StatusError } from "../http/status.ts";
import { cloneJson, numberAt, textAt } from "../json.ts";
import { PatchError } from "../patch/error.ts";
import { jsonPatch } from "../patch/json.ts";
import { isKubeObject } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { typeErrors } from "../schema/validate.ts";
import { callWebhook, type WebhookAnswer } from "./call.ts";
import { webhooksFor, type ConfiguredWebhook, type Phase } from "./configured.ts";
import { reviewBody, type Admission, type Review } from "./review.ts";

/** Thrown in the middle of a write: it has to be done again once the webhooks have answered this. */
export class PendingReview extends Error {
  readonly settle: () => Promise<void>;

  constructor(settle: () => Promise<void>) {
    super("webhooks have to be asked first");
    this.settle = settle;
  }
}

type Outcome = { readonly object: KubeObject | undefined } | { readonly refusal: StatusError };

/**
 * Admission by webhooks for one request. Writes are synchronous and calls are not, so the first look at a review throws
 * PendingReview; whoever did the write settles that and does the write again, which then finds the answer.
 */
export class WebhookAdmission implements Admission {
  readonly warnings: string[] = [];
  readonly #state: ClusterState;
  readonly #user: User;
  readonly #outcomes = new Map<string, Outcome>();

  constructor(state: ClusterState, user: User) {
    this.#state = state;
    this.#user = user;
  }

  readonly mutate = (review: Review): KubeObject | undefined => {
    const object = this.#outcomeOf("mutating", review);
    return object === undefined ? undefined : cloneJson(object);
  };

  readonly validate = (review: Review): void => {
    this.#outcomeOf("validating", review);
  };

  #outcomeOf(phase: Phase, review: Review): KubeObject | undefined {
    const webhooks = webhooksFor(this.#state, phase, review);
    if (webhooks.length === 0) return review.object;
    const key = JSON.stringify([phase, { ...review, kind: review.kind.info }]);
    const outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      throw new PendingReview(async () => {
        this.#outcomes.set(key, await this.#ask(webhooks, review));
      });
    }
    if ("refusal" in outcome) throw outcome.refusal;
    return outcome.object;
  }

  /** One after the other: each sees what those before it made of the object. */
  async #ask(webhooks: readonly ConfiguredWebhook[], review: Review): Promise<Outcome> {
    let { object } = review;
    try {
      for (const webhook of webhooks) object = await this.#askOne(webhook, { ...review, object });
      return { object };
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return { refusal: error };
    }
  }

  async #askOne(webhook: ConfiguredWebhook, review: Review): Promise<KubeObject | undefined> {
    if (review.dryRun && !webhook.supportsDryRun) {
      throw badRequest(`admission webhook "${webhook.name}" does not support dry run`);
    }
    const uid = randomUUID();
    let answer: WebhookAnswer;
    try {
      answer = await callWebhook(webhook, reviewBody(review, this.#user, uid), uid);
    } catch (cause) {
      if (webhook.ignoresFailure) return review.object;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw failure(`failed calling webhook "${webhook.name}": ${why}`);
    }
    this.warnings.push(...answer.warnings);
    if (!answer.allowed) throw denial(webhook.name, answer.status);
    return answer.patch === undefined ? review.object : patched(review, answer.patch);
  }
}

function patched({ object, kind }: Review, patch: unknown): KubeObject {
  try {
    const value = jsonPatch(cloneJson(object), patch);
    if (!isKubeObject(value)) throw failure("the patch does not leave an object");
    const [wrong] = kind.custom === undefined ? typeErrors(value, kind.schema()) : [];
    if (wrong !== undefined) throw failure(`${wrong.field}: ${wrong.message}`);
    return value;
  } catch (error) {
    if (error instanceof PatchError) throw failure(error.message);
    throw error;
  }
}

function failure(message: string): StatusError {
  const details = { causes: [{ message }] };
  return new StatusError({
    code: 500,
    reason: "InternalError",
    message: `Internal error occurred: ${message}`,
    details,
  });
}

/** A webhook chooses code, reason and message; what is no failure becomes 400. */
function denial(webhook: string, status: unknown): StatusError {
  const code = numberAt(status, "code") ?? 0;
  const reason = textAt(status, "reason") ?? "";
  const why = textAt(status, "message") ?? reason;
  const because = why === "" ? " without explanation" : `: ${why}`;
  const message = `admission webhook "${webhook}" denied the request${because}`;
  return new StatusError({ code: code >= 400 ? code : 400, reason, message });
}
