import type { HubLink } from "@drover/shared/link/link";

import type { Store } from "../store/store.ts";
import type { Acceptance } from "./acceptance.ts";
import type { EventLog } from "./event-log.ts";
import type { World } from "./world.ts";

export interface LeavingDeps {
  readonly store: Store;
  readonly world: Pick<World, "connections">;
  readonly events: EventLog;
  readonly acceptance: Pick<Acceptance, "detach">;
  readonly link: Pick<HubLink, "disconnect">;
}

/**
 * Removes a cluster that is to leave, if nothing is left to uninstall there: to be called after each removal that its agent
 * reports, and when it connects. What is left is in the store, so that it is known after a restart too.
 */
export function createLeaving({ store, world, events, acceptance, link }: LeavingDeps): (cluster: string) => void {
  return (name) => {
    if (store.cluster(name)?.leaving !== true || store.targetsOn(name).length > 0) return;
    acceptance.detach(name);
    store.deleteCluster(name);
    link.disconnect(name, "the cluster was removed from the hub");
    world.connections.delete(name);
    events.append({ type: "left", app: "", cluster: name, message: `${name} was removed, with what it ran` });
  };
}

/** Durable when it returns. Nothing new goes there, and its agent is told to remove what it runs, now or when it is back. */
export function beginLeaving(store: Store, cluster: string): void {
  const record = store.cluster(cluster);
  if (record === undefined) return;
  if (!record.leaving) store.putCluster({ ...record, leaving: true });
  const put = store
    .targetsOn(cluster)
    .filter(({ removal }) => removal === "")
    .map((target) => ({ ...target, removal: `${cluster} is being uninstalled` }));
  if (put.length > 0) store.assign({ put, forget: [], blobs: new Map() });
}
