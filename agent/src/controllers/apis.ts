import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { ApiList } from "@drover/shared/kube/api-list";
import type { Logger } from "@drover/shared/log";
import { spread, type Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import { fetchApiList } from "../kube/api-list.ts";
import type { KubeApi } from "../kube/api.ts";

/** What the cluster serves, which charts may look at. */
export interface Apis {
  /** The last list that was read whole; undefined before. */
  readonly current: ApiList | undefined;
  /** Looks once. What fails is tried again while it is kept up. */
  read(signal: AbortSignal): Promise<void>;
  /** Looks again and again; `changed` is called when the list is another one. */
  keptUp(changed: () => void): Service;
}

const everyMs = 60_000;
/** As long as nothing is known. */
const retryMs = 10_000;
/** While definitions come one after the other, the list is not told: charts are rendered for it anew. */
const settleMs = 3_000;
const maxLooks = 10;

interface ApisContext {
  readonly kube: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function createApis({ kube, clock, random, log }: ApisContext): Apis {
  let current: ApiList | undefined;
  const look = async (signal: AbortSignal): Promise<ApiList | undefined> => {
    try {
      return await fetchApiList(kube, current, signal);
    } catch (cause) {
      const { code, message, hint } = DroverError.from(cause);
      if (!signal.aborted) log.warn({ code, reason: message, hint }, "APIs of the cluster cannot be listed");
      return undefined;
    }
  };
  const lookUntilSettled = async (signal: AbortSignal): Promise<ApiList | undefined> => {
    let last = await look(signal);
    for (let looks = 1; looks < maxLooks && last !== undefined && last.digest !== current?.digest; looks += 1) {
      await clock.sleep(settleMs, signal);
      const next = await look(signal);
      if (next?.digest === last.digest) break;
      last = next;
    }
    return last;
  };
  return {
    get current() {
      return current;
    },
    async read(signal) {
      current = await look(signal);
    },
    keptUp: (changed) => ({
      name: "apis",
      async run(signal) {
        while (!signal.aborted) {
          try {
            await clock.sleep(spread(current === undefined ? retryMs : everyMs, 0.2, random), signal);
            const list = await lookUntilSettled(signal);
            if (list === undefined || list.digest === current?.digest) continue;
            current = list;
            log.info({ apis: list.versions.length }, "APIs of the cluster changed");
            changed();
          } catch (cause) {
            if (!signal.aborted) throw cause;
          }
        }
      },
    }),
  };
}
