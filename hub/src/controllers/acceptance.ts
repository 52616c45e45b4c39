import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import {
  accepted,
  candidateLifetimeMs,
  detached,
  firstEnrolment,
  locked,
  revoked,
  rotated,
  takenOver,
  type Candidate,
  type Enrolment,
} from "../core/enrolment.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

/** What people decide about who speaks for a cluster. Durable when it returns; open connections end within a second. */
export interface Acceptance {
  /**
   * Lets the candidate take the cluster over; without one, lets a revoked or locked cluster in again, and one that came
   * back too often without a valid certificate. Throws `precondition_failed` when nothing waits for that.
   */
  accept(cluster: string): void;
  /** Turns the candidate away. Throws `precondition_failed` when there is none. */
  reject(cluster: string): void;
  /** Nothing that speaks for the cluster now is let in any more. */
  revoke(cluster: string, reason: string): void;
  /**
   * Its agent needs a new certificate, with a new key, at once; offline ones when they are back. Throws
   * `precondition_failed` for a cluster that is not let in anyway, and for an agent that could not get another.
   */
  rotate(cluster: string): void;
  /** The cluster is about to be removed. */
  detach(cluster: string): void;
  /** Two agents have its identity: only the run that is connected goes on. */
  lock(cluster: string, holder: string): void;
}

export interface AcceptanceDeps {
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
}

/** In the place of the key of a token that a person turned away. */
export const rejected = "rejected";

export function readEnrolment(store: Store, cluster: string, now: number): Enrolment {
  return store.enrolments.get(cluster) ?? firstEnrolment(cluster, now);
}

export function createAcceptance({ store, events, clock }: AcceptanceDeps): Acceptance {
  const enrolmentOf = (cluster: string): Enrolment => readEnrolment(store, cluster, clock.now());
  const decide = (type: string, enrolment: Enrolment, message: string): void => {
    store.enrolments.put(enrolment);
    events.append({ type, app: "", cluster: enrolment.cluster, message });
  };
  const takeOver = (enrolment: Enrolment, candidate: Candidate): void => {
    const { cluster } = enrolment;
    const record = store.cluster(cluster);
    if (record !== undefined) store.putCluster({ ...record, uid: candidate.uid });
    const message = `the agent of kube-system uid ${candidate.uid} was accepted as ${cluster}, in the place of the one before`;
    decide("accepted", takenOver(enrolment, candidate, clock.now()), message);
  };
  return {
    accept(cluster) {
      const enrolment = enrolmentOf(cluster);
      const { candidate, state, recoveries } = enrolment;
      if (candidate !== undefined && clock.now() - candidate.sinceMs < candidateLifetimeMs) {
        return takeOver(enrolment, candidate);
      }
      if (state === "accepted" && recoveries === 0) throw nothingWaits(cluster);
      decide("accepted", accepted(enrolment, clock.now()), `${cluster} was accepted again`);
    },
    reject(cluster) {
      const { candidate, ...enrolment } = enrolmentOf(cluster);
      if (candidate === undefined) throw nothingWaits(cluster);
      const token = store.joinToken(candidate.token);
      if (token !== undefined) store.putJoinToken({ ...token, usedBy: rejected });
      decide("rejected", enrolment, `the agent of kube-system uid ${candidate.uid} was rejected as ${cluster}`);
    },
    revoke(cluster, reason) {
      decide("revoked", revoked(enrolmentOf(cluster), reason, clock.now()), `${cluster} was revoked: ${reason}`);
    },
    rotate(cluster) {
      const enrolment = enrolmentOf(cluster);
      if (enrolment.state !== "accepted" || enrolment.generation === 0 || enrolment.key === "")
        throw new DroverError("precondition_failed", `${cluster} has no certificate that it could trade for another`, {
          hint: `have it join again: drover join ${cluster}`,
        });
      decide("rotated", rotated(enrolment, clock.now()), `the certificate of ${cluster} is being replaced`);
    },
    detach(cluster) {
      store.enrolments.put(detached(enrolmentOf(cluster), clock.now()));
    },
    lock(cluster, holder) {
      const enrolment = locked(enrolmentOf(cluster), holder, clock.now());
      decide("locked", enrolment, `${cluster} is locked: ${enrolment.reason}`);
    },
  };
}

function nothingWaits(cluster: string): DroverError {
  return new DroverError("precondition_failed", `nothing about ${cluster} waits for a person`, {
    hint: `see: drover describe cluster ${cluster}`,
  });
}
