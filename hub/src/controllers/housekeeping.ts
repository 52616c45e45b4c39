import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { Reserve } from "../store/reserve.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

const flushMs = 1_000;
const collectMs = 10 * 60_000;
/** Longer than any certificate lives and may be renewed after its end. */
const enrolmentMs = 60 * 24 * 3_600_000;

/**
 * Writes observations every second, deletes blobs that nobody needs, and keeps room on the disk. What cannot be written
 * waits in memory, which is bounded, for the next turn.
 */
export function createHousekeeping(deps: {
  readonly store: Store;
  readonly reserve: Reserve;
  readonly events: Pick<EventLog, "append">;
  /** There is room on the disk again: what could not be written may be tried. */
  readonly recovered: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}): Service {
  const { store, reserve, events, clock, log } = deps;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (cause) {
      log.error({ err: DroverError.from(cause) }, "the store could not be written");
    }
  };
  let wasHeld = true;
  const keepRoom = async (): Promise<void> => {
    await reserve.refill();
    if (reserve.held === wasHeld) return;
    wasHeld = reserve.held;
    const [type, message] = wasHeld
      ? ["recovered", "there is room on the hub's disk again"]
      : ["problem", "the hub's disk is full: it takes no changes"];
    events.append({ type, app: "", cluster: "", message });
    if (wasHeld) deps.recovered();
  };
  return {
    name: "housekeeping",
    async run(signal) {
      let collectedMs = clock.now();
      while (!signal.aborted) {
        await clock.sleep(flushMs, signal);
        const now = clock.now();
        attempt(() => store.flush());
        await keepRoom();
        if (now - collectedMs < collectMs) continue;
        collectedMs = now;
        attempt(() => forgetEnrolments(store));
        attempt(() => log.debug({ blobs: store.collectBlobs() }, "unneeded blobs deleted"));
      }
    },
  };
}

/** By the time that agents have too: a machine whose clock is ahead hears none of them, and forgets nothing (R22). */
function forgetEnrolments(store: Store): void {
  store.enrolments.forget(lastHeardMs(store) - enrolmentMs, (name) => store.cluster(name) !== undefined);
}

/** When any cluster spoke last, in ms since the epoch; 0 = never. */
export function lastHeardMs(store: Pick<Store, "clusters">): number {
  return store.clusters().reduce((newest, { seenAtMs }) => Math.max(newest, seenAtMs), 0);
}
