import type { KubeObject } from "../schema/schema.ts";
import { Collection } from "./collection.ts";

/** One write. `previous` is what the write replaced; objects are never changed after they were stored. */
export type StoreEvent = {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
};

/** Plain JSON of everything a cluster holds, keyed by collection; see `Store.snapshot`. */
export type StoreSnapshot = {
  readonly revision: number;
  readonly collections: Readonly<Record<string, readonly KubeObject[]>>;
};

export type StoreListener = (collection: string, event: StoreEvent) => void;

/**
 * All objects of one cluster, by collection (`apps/deployments`). Every write takes the next revision, which becomes
 * the object's resourceVersion. Everything is synchronous: read, decide and write in one turn need no lock.
 */
export class Store {
  #revision: number;
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Set<StoreListener>();
  readonly #windowSize: number;

  /** `windowSize` bounds the events kept for each collection; a watch that is further behind gets 410. */
  constructor(options: { readonly windowSize: number; readonly restore?: StoreSnapshot | undefined }) {
    this.#windowSize = options.windowSize;
    this.#revision = options.restore?.revision ?? 1;
    for (const [name, objects] of Object.entries(options.restore?.collections ?? {})) {
      const collection = this.collection(name);
      for (const object of objects) collection.load(object);
    }
  }

  get revision(): number {
    return this.#revision;
  }

  collection(name: string): Collection {
    let found = this.#collections.get(name);
    if (found === undefined) {
      found = new Collection({ compactedRevision: this.#revision, windowSize: this.#windowSize });
      this.#collections.set(name, found);
    }
    return found;
  }

  /** Names of the collections that hold at least one object. */
  collectionNames(): string[] {
    return [...this.#collections].filter(([, collection]) => collection.size > 0).map(([name]) => name);
  }

  /** Stores the object under a new resourceVersion and returns it as stored. */
  put(collectionName: string, object: KubeObject): KubeObject {
    const collection = this.collection(collectionName);
    const revision = (this.#revision += 1);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    const previous = collection.get(stored.metadata.namespace, stored.metadata.name ?? "");
    this.#record(collectionName, {
      revision,
      type: previous === undefined ? "ADDED" : "MODIFIED",
      object: stored,
      previous,
    });
    return stored;
  }

  /** Removes the object; the event carries its last state under the revision of the removal. */
  remove(collectionName: string, object: KubeObject): KubeObject {
    const collection = this.collection(collectionName);
    const previous = collection.get(object.metadata.namespace, object.metadata.name ?? "");
    if (previous === undefined) return object;
    const revision = (this.#revision += 1);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    this.#record(collectionName, { revision, type: "DELETED", object: last, previous });
    return last;
  }

  /** Calls back after each write, in order, before the write returns. The listener must not write itself. */
  listen(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets all past events, as etcd's compaction does. */
  compact(): void {
    for (const collection of this.#collections.values()) collection.compact(this.#revision);
  }

  /** Begins a new watch cache, as a restarted API server does: it has no event from before its start. */
  restartWatches(): void {
    for (const collection of this.#collections.values()) collection.startWatchesAt(this.#revision);
  }

  snapshot(): StoreSnapshot {
    const filled = [...this.#collections].filter(([, collection]) => collection.size > 0);
    return {
      revision: this.#revision,
      collections: Object.fromEntries(filled.map(([name, collection]) => [name, collection.list()])),
    };
  }

  #record(collectionName: string, event: StoreEvent): void {
    this.collection(collectionName).record(event);
    for (const listener of this.#listeners) listener(collectionName, event);
  }
}
