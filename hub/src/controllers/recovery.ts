import type { ConfirmRecovery, Recovery } from "@drover/shared/api/maintenance";
import { DroverError } from "@drover/shared/errors";

import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";
import type { World } from "./world.ts";

export interface RecoveryDeps {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  /** Asks for the assignments of these clusters to be sent. */
  readonly send: (clusters: readonly string[]) => void;
}

/** What agents know that this hub's store does not, and the word of a person that the store is right. */
export function createRecovery({ store, world, events, send }: RecoveryDeps) {
  const recovery = (): Recovery => {
    const sources = store.sources().filter(({ name }) => world.sources.get(name)?.snapshot === undefined);
    const apps = store.applications().filter((app) => !world.applications.has(app));
    return {
      held: [...world.connections.keys()].toSorted().flatMap((cluster) => {
        const message = world.aheadOf(cluster);
        return message === "" ? [] : [{ cluster, message }];
      }),
      unread: [...sources.map(({ name }) => `source ${name}`), ...apps.map((app) => `app ${app}`)],
    };
  };
  return {
    recovery,
    /** Durable before it is acknowledged. Throws `precondition_failed` when nothing is held, or Git is not read yet. */
    async confirmRecovery({ force = false }: ConfirmRecovery): Promise<Recovery> {
      const { held, unread } = recovery();
      if (held.length === 0) throw new DroverError("precondition_failed", "no connected agent is ahead of this hub");
      if (unread.length > 0 && !force) {
        const which = `${unread.slice(0, 5).join(", ")}${unread.length > 5 ? ` and ${unread.length - 5} more` : ""}`;
        throw new DroverError("precondition_failed", `not read from Git yet: ${which}`, {
          hint: "wait, or take that the clusters go back to what the store knows of these: --force",
        });
      }
      store.beginEpoch({ confirmed: true });
      const clusters = held.map(({ cluster }) => cluster);
      events.append({
        type: "recovered",
        app: "",
        cluster: "",
        message: `a new epoch was confirmed for ${clusters.join(", ")}`,
      });
      for (const cluster of clusters) for (const target of store.targetsOn(cluster)) world.assess(target);
      send([...world.connections.keys()]);
      return recovery();
    },
  };
}
