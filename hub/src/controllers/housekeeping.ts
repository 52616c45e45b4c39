import type { Clock } from "@drover/shared/clock";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { Store } from "../store/store.ts";

const flushMs = 1_000;
const collectMs = 10 * 60_000;
/** Longer than any certificate lives and may be renewed after its end. */
const enrolmentMs = 60 * 24 * 3_600_000;

/** Writes observations every second and deletes blobs that nobody needs. */
export function createHousekeeping(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}): Service {
  const { store, clock, log } = deps;
  return {
    name: "housekeeping",
    async run(signal) {
      let collectedMs = clock.now();
      while (!signal.aborted) {
        await clock.sleep(flushMs, signal);
        const now = clock.now();
        store.flush();
        if (now - collectedMs < collectMs) continue;
        collectedMs = now;
        store.enrolments.forget(now - enrolmentMs, (name) => store.cluster(name) !== undefined);
        log.debug({ blobs: store.collectBlobs() }, "unneeded blobs deleted");
      }
    },
  };
}
