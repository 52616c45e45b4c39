import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";

import { nextSettleMs, settleFacts } from "../core/settle-facts.ts";
import type { ClusterRecord, Store } from "../store/store.ts";

export interface SettledFactsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Placements are to be looked at again. */
  readonly changed: () => void;
}

/** Clusters settle together: an upgrade of the fleet is a few looks at the placements and not one for each cluster. */
const togetherMs = 5_000;

/**
 * Between two looks at the placements, for each cluster there is: a fleet that comes for the first time would otherwise
 * have all of them looked at for each of its clusters.
 */
const pauseForEachMs = 0.5;

/**
 * Lets placements see what agents have said of their clusters for long enough: all clusters in one look and one
 * transaction, whatever the key. The decision is stored before it counts.
 */
export function createFactsReconciler({ store, clock, changed }: SettledFactsDeps): () => Promise<Outcome> {
  let notBeforeMs = 0;
  return () => {
    const now = clock.now();
    if (now < notBeforeMs) return Promise.resolve({ kind: "retry", afterMs: notBeforeMs - now });
    const clusters = store.clusters();
    const news: ClusterRecord[] = [];
    let isSettled = false;
    let next = Number.POSITIVE_INFINITY;
    for (const record of clusters) {
      const known = settleFacts(record, now);
      if (known !== record) news.push({ ...record, ...known });
      isSettled ||= known.settled !== record.settled;
      next = Math.min(next, nextSettleMs(known) ?? next);
    }
    if (news.length > 0) store.putClusters(news);
    if (isSettled) {
      notBeforeMs = now + pauseForEachMs * clusters.length;
      changed();
    }
    if (next === Number.POSITIVE_INFINITY) return Promise.resolve(done);
    const together = Math.ceil(next / togetherMs) * togetherMs;
    return Promise.resolve({ kind: "retry", afterMs: Math.max(0, together - now) });
  };
}
