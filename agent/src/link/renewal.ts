import { DroverError } from "@drover/shared/errors";
import { spread } from "@drover/shared/retry";
import type { Validity } from "@drover/shared/trust/certificate";
import { createIdentity, createKeyRequest, identityValidity } from "@drover/shared/trust/identity";

import { renew } from "./join.ts";
import type { GrpcLinkOptions } from "./options.ts";

const retryMs = 5 * 60_000;
/** Timers stand still while a machine sleeps, so no wait is longer than this. */
const longestSleepMs = 60_000;

/** What the link tells the renewal, and the other way round. */
export interface RenewalHooks {
  readonly renewed: () => void;
  /** Aborts when the hub refuses the present certificate: another one may be had at once. A new signal each time. */
  readonly refused: () => AbortSignal;
}

/** Renews the certificate when half of its life is over (± 10 %), with a new key each time, until the signal aborts. */
export async function keepRenewed(options: GrpcLinkOptions, hooks: RenewalHooks, signal: AbortSignal): Promise<void> {
  const { identity, clock, random, log } = options;
  const { notBeforeMs, notAfterMs } = identityValidity(identity.current());
  const half = spread(0.5, 0.1, random) * (notAfterMs - notBeforeMs);
  // A clock that is behind must not put it off beyond its end (R22).
  let dueMs = Math.min(notBeforeMs, clock.now()) + half;
  while (!signal.aborted) {
    try {
      const refused = hooks.refused();
      const either = AbortSignal.any([signal, refused]);
      await clock.sleep(Math.max(0, Math.min(longestSleepMs, dueMs - clock.now())), either).catch(() => undefined);
      signal.throwIfAborted();
      if (clock.now() < dueMs && !refused.aborted) continue;
      await renewOnce(options, signal);
      dueMs = clock.now() + lifeLeftMs(identityValidity(identity.current()), clock.now()) * spread(0.5, 0.1, random);
      log.info({ cluster: identity.current().cluster }, "certificate renewed");
      hooks.renewed();
    } catch (cause) {
      if (signal.aborted) return;
      const error = DroverError.from(cause, "link_closed");
      dueMs = clock.now() + spread(retryMs, 0.2, random);
      log.warn({ code: error.code, err: error }, "certificate could not be renewed");
    }
  }
}

/**
 * Of a new certificate: from now, not from its beginning, which the hub dates back, since a short life must not mean
 * renewing without end. Where this agent's clock and the hub's are far apart (R22), its whole life as the hub counts it.
 */
function lifeLeftMs({ notBeforeMs, notAfterMs }: Validity, nowMs: number): number {
  const isNow = nowMs >= notBeforeMs && nowMs < notAfterMs;
  return notAfterMs - (isNow ? nowMs : notBeforeMs);
}

async function renewOnce({ addresses, identity }: GrpcLinkOptions, signal: AbortSignal): Promise<void> {
  const request = await createKeyRequest();
  const asked = { csr: request.csr, enrolmentKey: identity.enrolmentKey ?? "" };
  const response = await addresses.ask((address) => renew(address, identity.current(), asked, signal));
  const next = createIdentity(response, request.privateKey);
  if (next.cluster !== identity.current().cluster) {
    throw new DroverError("signature_invalid", `the hub answered with the identity of cluster ${next.cluster}`);
  }
  await identity.replace(next);
}
