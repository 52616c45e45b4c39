import type { Clock } from "@drover/shared/clock";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { Store } from "../store/store.ts";
import type { World } from "./world.ts";

const flushMs = 1_000;
/** After a start agents get this long to come back before their targets are shown as offline. */
const graceMs = 5_000;
const collectMs = 10 * 60_000;

/** Writes observations every second, deletes blobs that nobody needs, and lets silence after a start show. */
export function createHousekeeping(deps: {
  readonly store: Store;
  readonly world: World;
  readonly clock: Clock;
  readonly log: Logger;
}): Service {
  const { store, world, clock, log } = deps;
  return {
    name: "housekeeping",
    async run(signal) {
      const startedMs = clock.now();
      let collectedMs = startedMs;
      let graceOver = false;
      while (!signal.aborted) {
        await clock.sleep(flushMs, signal);
        const now = clock.now();
        if (!graceOver && now - startedMs >= graceMs) {
          graceOver = true;
          for (const app of store.applications()) for (const target of store.targetsOf(app)) world.assess(target);
        }
        store.flush();
        if (now - collectedMs < collectMs) continue;
        collectedMs = now;
        log.debug({ blobs: store.collectBlobs() }, "unneeded blobs deleted");
      }
    },
  };
}
