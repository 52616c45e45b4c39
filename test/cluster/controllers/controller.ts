import type { ClusterState } from "../cluster-state.ts";
import { StatusError } from "../http/status.ts";
import type { KubeObject } from "../schema/schema.ts";
import { keyOfObject } from "../storage/collection.ts";
import type { StoreEvent } from "../storage/store.ts";

/**
 * One control loop. Level-based: `reconcile` is told which object, reads everything anew and writes what is missing.
 * It returns after how many milliseconds it wants to look again, if it waits for time alone.
 */
export type Controller = {
  readonly name: string;
  /** By collection: which of the controller's objects a write concerns. Collection `*` hears of every write. */
  readonly watches: Readonly<Record<string, (event: StoreEvent, collection: string) => readonly string[]>>;
  readonly reconcile: (key: string) => number | undefined;
};

/** Runs the controllers of one cluster on its events until stopped; starts with everything that is stored already. */
export function runControllers(state: ClusterState, controllers: readonly Controller[]): () => void {
  const queues = controllers.map((controller) => createQueue(state, controller));
  const hear = (collection: string, event: StoreEvent): void => {
    for (const [i, controller] of controllers.entries()) {
      for (const name of [collection, "*"]) {
        for (const key of controller.watches[name]?.(event, collection) ?? []) queues[i]?.add(key);
      }
    }
  };
  for (const collection of state.store.collectionNames()) {
    for (const object of state.store.collection(collection).list()) {
      hear(collection, { revision: state.store.revision, type: "ADDED", object, previous: undefined });
    }
  }
  const unlisten = state.store.listen(hear);
  return () => {
    unlisten();
    for (const queue of queues) queue.stop();
  };
}

/** The usual watch: a controller's own objects. */
export function itself(event: StoreEvent): string[] {
  return [keyOfObject(event.object)];
}

/** The usual watch on what a controller's objects own: their owner of this kind. */
export function ownerOf(kind: string): (event: StoreEvent) => string[] {
  return ({ object }) =>
    (object.metadata.ownerReferences ?? [])
      .filter((owner) => owner.kind === kind && owner.controller === true)
      .map((owner) => `${object.metadata.namespace ?? ""}/${owner.name}`);
}

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf("/");
  return slash === -1
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function ownedBy(owner: KubeObject): (object: KubeObject) => boolean {
  return (object) =>
    (object.metadata.ownerReferences ?? []).some((each) => each.uid === owner.metadata.uid && each.controller === true);
}

type Queue = { readonly add: (key: string) => void; readonly stop: () => void };

const retryMs = 20;

/** Keys waiting to be reconciled, each at most once, worked off after the turn that wrote. */
function createQueue(state: ClusterState, controller: Controller): Queue {
  const waiting = new Set<string>();
  const timers = new Map<string, () => void>();
  let cancel: (() => void) | undefined;
  let stopped = false;

  const later = (key: string, delayMs: number): void => {
    timers.get(key)?.();
    timers.set(
      key,
      state.clock.schedule(() => {
        timers.delete(key);
        add(key);
      }, delayMs),
    );
  };
  const work = (key: string): void => {
    try {
      const delayMs = controller.reconcile(key);
      if (delayMs !== undefined) later(key, delayMs);
    } catch (error) {
      // A namespace that goes away or a name that is taken are states of the world; the next look decides.
      if (!(error instanceof StatusError)) throw error;
      if (error.code === 409 || error.code >= 500) later(key, retryMs);
    }
  };
  const drain = (): void => {
    cancel = undefined;
    const keys = [...waiting];
    waiting.clear();
    for (const key of keys) if (!stopped) work(key);
  };
  const add = (key: string): void => {
    if (stopped) return;
    waiting.add(key);
    cancel ??= state.clock.soon(drain);
  };
  return {
    add,
    stop: () => {
      stopped = true;
      cancel?.();
      for (const cancelTimer of timers.values()) cancelTimer();
      timers.clear();
    },
  };
}
