import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";

import { nextSettleMs, settleFacts } from "../core/settle-facts.ts";
import type { Store } from "../store/store.ts";

export interface SettledFactsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Placements are to be looked at again. */
  readonly changed: () => void;
}

/** Clusters settle together: an upgrade of the fleet is a few looks at the placements and not one for each cluster. */
const togetherMs = 5_000;

/** Lets placements see what a cluster's agent has said for long enough. The decision is stored before it counts. */
export function createFactsReconciler({ store, clock, changed }: SettledFactsDeps): (name: string) => Promise<Outcome> {
  return (name) => {
    const record = store.cluster(name);
    if (record === undefined) return Promise.resolve(done);
    const now = clock.now();
    const known = settleFacts(record, now);
    if (known !== record) store.putCluster({ ...record, ...known });
    if (known.settled !== record.settled) changed();
    const next = nextSettleMs(known);
    if (next === undefined) return Promise.resolve(done);
    const together = Math.ceil(next / togetherMs) * togetherMs;
    return Promise.resolve({ kind: "retry", afterMs: Math.max(0, together - now) });
  };
}
