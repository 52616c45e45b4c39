import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import { spread, type Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import type { Observer } from "./observer.ts";

const everyMs = 15 * 60_000;

/** Compares all that is known with a fresh list now and then: a watch that lost an event would never tell. */
export function createResync(options: {
  readonly observer: Pick<Observer, "relist">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): Service {
  const { observer, clock, random, log } = options;
  return {
    name: "resync",
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(spread(everyMs, 0.2, random), signal).catch(() => undefined);
        if (signal.aborted) return;
        try {
          await observer.relist(signal);
        } catch (cause) {
          log.info({ code: DroverError.from(cause).code }, "resync broke off");
        }
      }
    },
  };
}
