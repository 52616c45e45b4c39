import type { Clock } from "@drover/shared/clock";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { Store } from "../store/store.ts";

const flushMs = 1_000;
const collectMs = 10 * 60_000;

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
        log.debug({ blobs: store.collectBlobs() }, "unneeded blobs deleted");
      }
    },
  };
}
