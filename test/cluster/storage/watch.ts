import { expired, type StatusError } from "../http/status.ts";
import type { KubeObject } from "../schema/schema.ts";
import type { Collection } from "./collection.ts";
import type { Selector } from "./selectors.ts";
import type { StoreEvent } from "./store.ts";

export type WatchItem =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  | { readonly type: "BOOKMARK"; readonly revision: number; readonly initialEventsEnd: boolean }
  | { readonly type: "ERROR"; readonly error: StatusError };

export type WatchOptions = {
  readonly collection: Collection;
  readonly namespace: string | undefined;
  readonly selector: Selector;
  /** Events after this revision are delivered. */
  readonly revision: number;
  /** Objects to deliver as ADDED before any event. */
  readonly initial: readonly KubeObject[];
  /** Whether a bookmark marks the end of the initial objects (WatchList). */
  readonly initialEventsEnd: boolean;
};

/**
 * One client's place in a collection's events. It holds no buffer: a client that does not read stays behind in the
 * collection's own window, and gets 410 once that has moved past it.
 */
export class WatchSource {
  readonly #options: WatchOptions;
  readonly #epoch: number;
  #initialSent = 0;
  #initialEnded: boolean;
  #revision: number;
  #failed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#epoch = options.collection.epoch;
    this.#revision = options.revision;
    this.#initialEnded = !options.initialEventsEnd;
  }

  /** The revision up to which everything was read. */
  get revision(): number {
    return this.#revision;
  }

  /** True when nothing more will come: after an error, or when the resource is no longer served. */
  get ended(): boolean {
    return this.#failed || this.#epoch !== this.#options.collection.epoch;
  }

  get initialDone(): boolean {
    return this.#initialEnded && this.#initialSent >= this.#options.initial.length;
  }

  /** Up to `limit` items that are there now; fewer only when the source is at the end of the events. */
  read(limit: number): WatchItem[] {
    const items: WatchItem[] = [];
    const { initial } = this.#options;
    while (items.length < limit && this.#initialSent < initial.length) {
      const object = initial[this.#initialSent];
      this.#initialSent += 1;
      if (object !== undefined) items.push({ type: "ADDED", object });
    }
    if (items.length < limit && !this.#initialEnded) {
      this.#initialEnded = true;
      items.push({ type: "BOOKMARK", revision: this.#revision, initialEventsEnd: true });
    }
    while (items.length < limit && !this.#failed) {
      const events = this.#options.collection.eventsAfter(this.#revision, limit - items.length);
      if (events === undefined) {
        this.#failed = true;
        items.push({ type: "ERROR", error: tooOld(this.#revision, this.#options.collection.compactedRevision) });
      } else if (events.length === 0) {
        break;
      } else {
        for (const event of events) this.#translate(event, items);
      }
    }
    return items;
  }

  onEvent(listener: () => void): () => void {
    return this.#options.collection.onEvent(listener);
  }

  /** An object that enters the selection is ADDED, one that leaves it is DELETED in its previous state. */
  #translate(event: StoreEvent, items: WatchItem[]): void {
    this.#revision = event.revision;
    const { namespace, selector } = this.#options;
    if (namespace !== undefined && event.object.metadata.namespace !== namespace) return;
    const before = event.previous !== undefined && selector(event.previous);
    const after = event.type !== "DELETED" && selector(event.object);
    if (after) items.push({ type: before ? "MODIFIED" : "ADDED", object: event.object });
    else if (before && event.type === "DELETED") items.push({ type: "DELETED", object: event.object });
    else if (before && event.previous !== undefined) {
      items.push({ type: "DELETED", object: atRevision(event.previous, event.revision) });
    }
  }
}

export function tooOld(requested: number, oldest: number): StatusError {
  return expired(`too old resource version: ${requested} (${oldest})`);
}

function atRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
