import { BrokerServiceClient, type GrantResponse } from "@drover/proto/gen/drover/broker/v1/broker";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, brokerUserOf } from "@drover/shared/link/broker";
import { createUserKey } from "@drover/shared/link/broker-connection";
import { fromStatus } from "@drover/shared/link/status";
import type { Logger } from "@drover/shared/log";
import { type Backoff, backoffMs, type Random, spread } from "@drover/shared/retry";
import type { Identity } from "@drover/shared/trust/identity";
import type { ServiceError } from "@grpc/grpc-js";

import { channelCredentials, channelOptions } from "./dial.ts";

/** What the agent shows to the broker, wherever it is kept. */
export interface HeldBrokerAccess {
  /** Undefined until the hub has granted one. */
  current(): BrokerAccess | undefined;
  /** Resolves when the new one is safe; from then on `current` returns it. */
  replace(access: BrokerAccess): Promise<void>;
}

export interface BrokerAccessOptions {
  /** Asks the hub for a user with a new key; undefined when the hub has no broker. */
  readonly grant: (signal: AbortSignal) => Promise<BrokerAccess | undefined>;
  readonly held: HeldBrokerAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const renewalMs = 12 * 3_600_000;
/** An agent that has only what it was invited by must not wait long: a broker or hub that restarts is back in seconds. */
const backoff: Backoff = { baseMs: 1_000, factor: 2, capMs: 5 * 60_000, jitter: 0.2 };
/** After a start, within this: agents that start at once do not ask at once. */
const firstMs = 5_000;
/** Timers stand still while a machine sleeps, so no wait is longer than this. */
const longestSleepMs = 60_000;
const timeoutMs = 20_000;

/**
 * Keeps a user at the broker, with a new key each time, as long as the hub has a broker: also while the agent uses
 * another link, so that it can change over without a person.
 */
export async function keepBrokerAccess(options: BrokerAccessOptions, signal: AbortSignal): Promise<void> {
  const { grant, held, clock, random, log } = options;
  let failures = 0;
  const current = held.current();
  let dueMs = current === undefined ? clock.now() + random() * firstMs : dueAfter(current, random);
  while (!signal.aborted) {
    try {
      await clock.sleep(Math.max(0, Math.min(longestSleepMs, dueMs - clock.now())), signal);
      if (clock.now() < dueMs) continue;
      const granted = await grant(signal);
      failures = 0;
      dueMs = clock.now() + spread(renewalMs, 0.1, random);
      if (granted === undefined) continue;
      await held.replace(granted);
      log.info({}, "the hub vouches for this agent at its broker");
    } catch (cause) {
      if (signal.aborted) return;
      const { code, message } = DroverError.from(cause, "link_closed");
      dueMs = clock.now() + backoffMs(backoff, failures, random);
      failures += 1;
      log.debug({ code, reason: message }, "no new access to the broker");
    }
  }
}

function dueAfter(access: BrokerAccess, random: Random): number {
  return brokerUserOf(access).issuedAtMs + spread(renewalMs, 0.1, random);
}

/** `address`: of the hub, or of the relay to it. */
export async function askForAccess(
  { address, identity }: { readonly address: string; readonly identity: () => Identity },
  signal: AbortSignal,
): Promise<BrokerAccess | undefined> {
  const own = identity();
  const { publicKey, seed } = createUserKey();
  const trust = { authority: own.authority, own };
  const client = new BrokerServiceClient(address, channelCredentials(trust), channelOptions(address));
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const { servers, jwt } = await new Promise<GrantResponse>((resolve, reject) => {
      const call = client.grant({ publicKey }, (failure: ServiceError | null, response) => {
        if (failure === null) resolve(response);
        else reject(fromStatus(failure));
      });
      limited.addEventListener("abort", () => call.cancel(), { once: true });
    });
    return jwt === "" ? undefined : { servers, jwt, seed };
  } finally {
    client.close();
  }
}
