import type { Clock } from "@drover/shared/clock";
import type { Beat, HubLink, Signed } from "@drover/shared/link/link";
import type { Service } from "@drover/shared/service";

import type { Store } from "../store/store.ts";
import type { World } from "./world.ts";

/** For how long an agent goes by a beat, and how often one is sent (security-reliability §2.4). */
export const freshForMs = 10 * 60_000;
const everyMs = 60_000;
const lookMs = 1_000;
/** About 30 ms of one core; enough for 30,000 agents. */
const maxAtOnce = 500;

export interface BeatsDeps {
  readonly store: Store;
  readonly world: World;
  readonly link: Pick<HubLink, "send">;
  readonly signBeat: (beat: Beat) => Signed;
  readonly clock: Clock;
}

/** Tells connected agents, once a minute, which generation is their newest: they notice when somebody keeps it back. */
export interface Beats {
  /** Sends one now. Nothing to a cluster that is ahead of this hub's store. */
  send(cluster: string): void;
  readonly service: Service;
}

/** Each cluster has a beat of its own, for its own generation: one for the whole fleet could be passed on without the news. */
export function createBeats({ store, world, link, signBeat, clock }: BeatsDeps): Beats {
  const sentAtMs = new Map<string, number>();
  const send = (name: string): void => {
    const cluster = store.cluster(name);
    sentAtMs.set(name, clock.now());
    if (cluster === undefined || !world.connections.has(name) || world.aheadOf(name) !== "") return;
    const { uid: clusterUid, generation } = cluster;
    const beat = { cluster: name, clusterUid, epoch: store.era.epoch, generation, sentAtMs: clock.now() };
    link.send(name, { kind: "beat", signed: signBeat(beat) });
  };
  const sendDue = (): void => {
    const now = clock.now();
    for (const name of sentAtMs.keys()) if (!world.connections.has(name)) sentAtMs.delete(name);
    const due = [...world.connections.keys()].filter(
      // A clock that was set back must not silence the hub.
      (name) => Math.abs(now - (sentAtMs.get(name) ?? Number.NEGATIVE_INFINITY)) >= everyMs,
    );
    for (const name of due.slice(0, maxAtOnce)) send(name);
  };
  return {
    send,
    service: {
      name: "beats",
      async run(signal) {
        while (!signal.aborted) {
          sendDue();
          await clock.sleep(lookMs, signal).catch(() => undefined);
        }
      },
    },
  };
}
