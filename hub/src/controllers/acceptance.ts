import type { Clock } from "@drover/shared/clock";

import { cutOff, firstEnrolment, revoked, type Enrolment } from "../core/enrolment.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

/** What people decide about who speaks for a cluster. Durable when it returns; open connections end within a second. */
export interface Acceptance {
  /** Nothing that speaks for the cluster now is let in any more. */
  revoke(cluster: string, reason: string): void;
  /** The cluster is to be removed: nothing that spoke for it speaks for the next one of its name. */
  cutOff(cluster: string): void;
}

export interface AcceptanceDeps {
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
}

export function readEnrolment(store: Store, cluster: string, now: number): Enrolment {
  return store.enrolments.get(cluster) ?? firstEnrolment(cluster, now);
}

export function createAcceptance({ store, events, clock }: AcceptanceDeps): Acceptance {
  const enrolmentOf = (cluster: string): Enrolment => readEnrolment(store, cluster, clock.now());
  return {
    revoke(cluster, reason) {
      store.enrolments.put(revoked(enrolmentOf(cluster), reason, clock.now()));
      events.append({ type: "revoked", app: "", cluster, message: `${cluster} was revoked: ${reason}` });
    },
    cutOff(cluster) {
      store.enrolments.put(cutOff(enrolmentOf(cluster), clock.now()));
    },
  };
}
