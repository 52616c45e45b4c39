import type { Event } from "@drover/shared/api/types";

import type { EventLog as ReadableEventLog } from "../api/backend.ts";
import type { Store } from "../store/store.ts";

export interface EventLog extends ReadableEventLog {
  append(event: Pick<Event, "type" | "app" | "cluster" | "message">): void;
}

/** The hub's events: kept in the store, and told to whoever listens. A listener that throws is its own problem. */
export function createEventLog(store: Store, now: () => number): EventLog {
  const listeners = new Set<(event: Event) => void>();
  return {
    get oldest() {
      return store.events()[0]?.id ?? 1;
    },
    get newest() {
      return store.events().at(-1)?.id ?? 0;
    },
    after(id, limit) {
      const events = store.events();
      // Ids are consecutive, so the place of the first event after `id` is known without searching.
      const start = Math.max(0, id + 1 - (events[0]?.id ?? 1));
      return events.slice(start, start + limit);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    append(event) {
      const numbered = store.appendEvent({ at: now(), ...event });
      for (const listener of listeners) listener(numbered);
    },
  };
}
