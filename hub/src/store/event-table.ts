import type { Event } from "@drover/shared/api/types";

import type { Database } from "./database.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";

const limit = 10_000;
/** Above it the oldest are let go of: not at each event. */
const slack = limit * 1.2;

/** The newest events, in memory; written with the next flush. */
export class EventTable {
  readonly #database: Database;
  #events: Event[];
  #unwritten: Event[] = [];
  #last: number;

  constructor(database: Database) {
    this.#database = database;
    const rows = database.all("SELECT record FROM events ORDER BY id");
    this.#events = rows.map((row) => parseRecord<Event>(row));
    this.#last = this.#events.at(-1)?.id ?? 0;
  }

  /** Newest last. */
  all(): readonly Event[] {
    return this.#events;
  }

  get hasNews(): boolean {
    return this.#unwritten.length > 0;
  }

  append(event: Omit<Event, "id">): Event {
    this.#last += 1;
    const numbered = { id: this.#last, ...event };
    this.#events.push(numbered);
    this.#unwritten.push(numbered);
    if (this.#unwritten.length > slack) this.#unwritten = this.#unwritten.slice(-limit);
    if (this.#events.length > slack) this.#events = this.#events.slice(-limit);
    return numbered;
  }

  /** The half of a flush that belongs into a transaction. */
  write(): void {
    for (const event of this.#unwritten.slice(-limit)) {
      this.#database.run("INSERT INTO events VALUES (?, ?)", event.id, seal(event));
    }
    this.#database.run("DELETE FROM events WHERE id <= ?", this.#last - limit);
  }

  /** The half of a flush that belongs behind it. */
  settle(): void {
    this.#unwritten = [];
  }
}
