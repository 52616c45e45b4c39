import type * as api from "@drover/shared/api/types";

import type { EventLog } from "./backend.ts";

/** The newest events of a `MemoryBackend`. */
export class MemoryEventLog implements EventLog {
  readonly #events: api.Event[] = [];
  #newest = 0;
  readonly #capacity: number;
  readonly #listeners = new Set<(event: api.Event) => void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get oldest(): number {
    return this.#newest - this.#events.length + 1;
  }

  get newest(): number {
    return this.#newest;
  }

  /** How many readers follow. */
  get followers(): number {
    return this.#listeners.size;
  }

  after(id: number, limit: number): readonly api.Event[] {
    const start = Math.max(0, id + 1 - this.oldest);
    return this.#events.slice(start, start + limit);
  }

  subscribe(listener: (event: api.Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(event: Omit<api.Event, "id">): void {
    this.#newest += 1;
    const numbered = { id: this.#newest, ...event };
    this.#events.push(numbered);
    if (this.#events.length > this.#capacity) this.#events.shift();
    for (const listener of this.#listeners) listener(numbered);
  }
}
