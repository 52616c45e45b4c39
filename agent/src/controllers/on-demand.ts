import type { Clock } from "@drover/shared/clock";
import type { Service } from "@drover/shared/service";

import { untilWoken } from "./wait.ts";

/** Work that goes on only while something needs it. */
export interface OnDemand extends Service {
  /** To be called when that may have changed. */
  update(): void;
}

export interface Demand {
  readonly name: string;
  readonly clock: Clock;
  isNeeded(): boolean;
  /** Ends when its signal aborts, because it is not needed any more. */
  work(signal: AbortSignal): Promise<void>;
}

export function createOnDemand({ name, clock, isNeeded, work }: Demand): OnDemand {
  let changed = (): void => undefined;
  return {
    name,
    update: () => changed(),
    async run(signal) {
      while (!signal.aborted) {
        if (!isNeeded()) {
          await untilWoken(clock, Number.POSITIVE_INFINITY, { signal, onWake: (call) => (changed = call) });
          continue;
        }
        const enough = new AbortController();
        changed = () => (isNeeded() ? undefined : enough.abort());
        await work(AbortSignal.any([signal, enough.signal]));
      }
    },
  };
}
