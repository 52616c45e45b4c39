import type { EnrollServiceServer, KeyProof } from "@drover/proto/gen/drover/enroll/v1/enroll";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLinkHandler } from "@drover/shared/link/link";
import { toStatus } from "@drover/shared/link/status";
import { asBuffer, credentialsToWire } from "@drover/shared/link/wire";
import type { Logger } from "@drover/shared/log";
import { isProven } from "@drover/shared/trust/enrolment-key";
import type { handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";

import { FailureLimit } from "../core/failure-limit.ts";
import { Challenges } from "./challenges.ts";
import type { LinkLimits } from "./limits.ts";
import { authenticate, hasExpired, type Peer } from "./peers.ts";

export interface EnrollContext {
  readonly handler: HubLinkHandler;
  readonly findPeer: (endpoint: string) => Peer | undefined;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the link stops. */
  readonly signal: AbortSignal;
}

/** The only service that strangers reach. Tokens are 256 random bits; the limit is there for the log and the load. */
export function createEnrollService(context: EnrollContext): EnrollServiceServer {
  const { handler, clock, log, limits } = context;
  const challenges = new Challenges();
  const failures = new FailureLimit({ failures: limits.joinFailuresPerMinute, withinMs: 60_000 });
  return {
    challenge: unary(context, async () => ({ nonce: asBuffer(challenges.issue(clock.now())) })),
    enroll: unary(context, async ({ token, csr, clusterUid, agentVersion, proof }, peer, signal) => {
      const address = peer?.address ?? "";
      if (!failures.allows(address, clock.now())) {
        throw new DroverError("forbidden", "too many failed attempts to join from this address; try again in a minute");
      }
      try {
        const key = provenKey(challenges, { csr, proof }, clock.now());
        const response = await handler.enroll({ token, csr, clusterUid, agentVersion, key }, signal);
        log.info({ cluster: response.cluster, address }, "cluster joined");
        return { credentials: credentialsToWire(response) };
      } catch (cause) {
        const error = DroverError.from(cause);
        if (error.code === "join_refused") failures.failed(address, clock.now());
        if (error.code === "join_pending") log.debug({ address }, "join waits for a person");
        else log.warn({ address, code: error.code, err: error }, "join failed");
        throw error;
      }
    }),
    renew: unary(context, async ({ csr, proof }, peer, signal) => {
      // Whoever has the key of an expired certificate is let back in for a while: a cluster that slept over a weekend
      // must not need a person. The hub's handler still knows whether the cluster may.
      const speaker = authenticate(peer, clock.now(), limits.recoveryWindowMs);
      const key = provenKey(challenges, { csr, proof }, clock.now());
      const expired = hasExpired(peer, clock.now());
      const response = await handler.renew(speaker, { csr, key, expired }, signal);
      log.info({ cluster: speaker.cluster }, "certificate renewed");
      return { credentials: credentialsToWire(response) };
    }),
  };
}

/** The enrolment key that the sender has, base64url; "" when it shows none. Throws `join_refused` for a bad proof. */
function provenKey(
  challenges: Challenges,
  { csr, proof }: { readonly csr: Uint8Array; readonly proof: KeyProof | undefined },
  now: number,
): string {
  if (proof === undefined) return "";
  // Taken before it is checked: one nonce is one try.
  if (!challenges.take(proof.nonce, now) || !isProven(proof, csr)) {
    throw new DroverError("join_refused", "the request does not prove the enrolment key that it names");
  }
  return proof.publicKey.toString("base64url");
}

type UnaryBody<Q, A> = (request: Q, peer: Peer | undefined, signal: AbortSignal) => Promise<A>;

/** grpc-js takes no promises: a rejection would vanish and the call would hang. */
function unary<Q, A>(context: EnrollContext, body: UnaryBody<Q, A>): handleUnaryCall<Q, A> {
  return (call, answer) => {
    const signal = AbortSignal.any([context.signal, signalOf(call)]);
    body(call.request, context.findPeer(call.getPeer()), signal).then(
      (response) => answer(null, response),
      (reason: unknown) => answer(toStatus(reason)),
    );
  };
}

function signalOf<Q, A>(call: ServerUnaryCall<Q, A>): AbortSignal {
  const controller = new AbortController();
  call.once("cancelled", () => controller.abort(new DroverError("canceled", "the agent gave up")));
  return controller.signal;
}
