import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";

import { serveStandby } from "./api/standby-server.ts";
import { parseAddress, type HubConfig } from "./config.ts";
import { busyMs } from "./store/check.ts";
import { lockStore, type StoreLock } from "./store/lock.ts";

/** How often a hub that stands by looks whether the store is free: a look is one system call. */
const pollMs = 200;

export interface StandbyDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The store's lock, which everything of the data folder is read and written under. A hub that finds it taken ends with
 * `store_failed`, or stands by: it waits for as long as the other one lasts, and does nothing meanwhile but say that it lives.
 */
export async function takeStore(
  store: string,
  config: Pick<HubConfig, "standby" | "apiAddress">,
  { clock, log }: StandbyDeps,
  signal: AbortSignal,
): Promise<StoreLock> {
  const standsBy = config.standby === "yes";
  // A hub that is being stopped has it until it is gone.
  const lock = lockStore(store, { waitMs: standsBy ? 0 : busyMs });
  if (lock !== undefined) return lock;
  if (!standsBy) {
    throw new DroverError("store_failed", `the store ${store} is in use by another hub`, {
      hint: "with --standby yes it would wait until that one ends",
    });
  }
  await using _ = await serveStandby(parseAddress(config.apiAddress));
  log.info({ store }, "another hub has the store: standing by");
  for (;;) {
    await clock.sleep(pollMs, signal);
    const taken = lockStore(store);
    if (taken === undefined) continue;
    log.info({ store }, "the other hub has ended: taking over");
    return taken;
  }
}
