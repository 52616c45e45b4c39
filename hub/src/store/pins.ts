import type { Digest } from "@drover/shared/digest";

import type { Database } from "./database.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";
import type { Pins } from "./store.ts";

/** The newest; each is some 200 bytes. */
const maxPins = 20_000;

interface Pin {
  readonly name: string;
  readonly digest: Digest;
}

/** Read from memory, written through. */
export class PinTable implements Pins {
  readonly #database: Database;
  readonly #digests: Map<string, Digest>;

  constructor(database: Database) {
    this.#database = database;
    const pins = database.all("SELECT record FROM pins ORDER BY rowid").map((row) => parseRecord<Pin>(row));
    this.#digests = new Map(pins.map(({ name, digest }) => [name, digest]));
  }

  get(name: string): Digest | undefined {
    return this.#digests.get(name);
  }

  set(name: string, digest: Digest): void {
    const pin: Pin = { name, digest };
    this.#database.run("INSERT OR REPLACE INTO pins VALUES (?, ?)", name, seal(pin));
    this.#digests.delete(name);
    this.#digests.set(name, digest);
    for (const oldest of this.#digests.keys()) {
      if (this.#digests.size <= maxPins) break;
      this.#database.run("DELETE FROM pins WHERE name = ?", oldest);
      this.#digests.delete(oldest);
    }
  }
}
