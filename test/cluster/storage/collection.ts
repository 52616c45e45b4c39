import type { KubeObject } from "../schema/schema.ts";
import type { StoreEvent } from "./store.ts";

/** Objects of one resource in the order of their keys (`namespace/name`), with a bounded window of past events. */
export class Collection {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<() => void>();
  readonly #windowSize: number;
  #sortedKeys: string[] | undefined;
  #events: StoreEvent[] = [];
  #compactedRevision: number;
  /** Watches may start after this revision, lists may show this one and all from `#compactedRevision` on. */
  #watchableRevision = 0;
  #epoch = 0;

  constructor(options: { readonly compactedRevision: number; readonly windowSize: number }) {
    this.#compactedRevision = options.compactedRevision;
    this.#windowSize = options.windowSize;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Events up to and including this revision are gone. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  /** Changes when all watches are to end; see `endWatches`. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Ends all watches, after they delivered what happened so far: the resource is no longer served. */
  endWatches(): void {
    this.#epoch += 1;
    for (const listener of this.#listeners) listener();
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  /** All objects, or those of one namespace, in key order. */
  list(namespace?: string): KubeObject[] {
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareKeys);
    const found: KubeObject[] = [];
    for (const key of this.#sortedKeys) {
      const object = this.#objects.get(key);
      if (object !== undefined && (namespace === undefined || object.metadata.namespace === namespace)) {
        found.push(object);
      }
    }
    return found;
  }

  /** All objects as they were right after `revision`; undefined when that is compacted. */
  listAsOf(revision: number, namespace?: string): KubeObject[] | undefined {
    if (revision < this.#compactedRevision) return undefined;
    const state = new Map(this.#objects);
    for (const event of this.#events.toReversed()) {
      if (event.revision <= revision) break;
      const key = keyOfObject(event.object);
      if (event.previous === undefined) state.delete(key);
      else state.set(key, event.previous);
    }
    return [...state]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .sort(([a], [b]) => compareKeys(a, b))
      .map(([, object]) => object);
  }

  /** Up to `limit` events after a revision, oldest first; undefined when some of them are out of reach. */
  eventsAfter(revision: number, limit: number): StoreEvent[] | undefined {
    if (revision < this.#compactedRevision || revision < this.#watchableRevision) return undefined;
    const start = this.#indexAfter(revision);
    return this.#events.slice(start, start + limit);
  }

  /** Tells that new events are there to be read with `eventsAfter`. */
  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(revision: number): void {
    this.#events = this.#events.slice(this.#indexAfter(revision));
    this.#compactedRevision = Math.max(this.#compactedRevision, revision);
  }

  /** No watch may go on from before this revision, while lists still may show it. */
  startWatchesAt(revision: number): void {
    this.#watchableRevision = revision;
  }

  /** Puts an object of a snapshot in place, without an event. */
  load(object: KubeObject): void {
    this.#objects.set(keyOfObject(object), object);
    this.#sortedKeys = undefined;
  }

  record(event: StoreEvent): void {
    const key = keyOfObject(event.object);
    if (event.type === "DELETED") this.#objects.delete(key);
    else this.#objects.set(key, event.object);
    if (event.type !== "MODIFIED") this.#sortedKeys = undefined;
    this.#events.push(event);
    // Trimmed in halves, so that the cost of a shift is paid once in a window.
    if (this.#events.length > this.#windowSize * 2) {
      const oldest = this.#events[this.#events.length - this.#windowSize - 1];
      if (oldest !== undefined) this.compact(oldest.revision);
    }
    for (const listener of this.#listeners) listener();
  }

  #indexAfter(revision: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function keyOfObject(object: KubeObject): string {
  return keyOf(object.metadata.namespace, object.metadata.name ?? "");
}

export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
