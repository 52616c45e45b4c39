import { DroverError } from "@drover/shared/errors";

import type { Database } from "./database.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";
import type { Vault } from "./vault.ts";

/** A record as it is on the disk: nothing but its name is in clear. */
interface Hidden {
  readonly name: string;
  /** The record's JSON, encrypted, in base64. */
  readonly box: string;
}

/** Records that hold secrets, such as passwords. Read from memory, written through. */
export class SecretTable<T extends { readonly name: string }> {
  readonly #database: Database;
  readonly #vault: Vault;
  readonly #table: "sources" | "credentials";
  readonly #records: Map<string, T>;

  /** `read` completes records of earlier versions. Throws `store_failed` for what does not open. */
  constructor(database: Database, vault: Vault, table: "sources" | "credentials", read: (record: T) => T) {
    this.#database = database;
    this.#vault = vault;
    this.#table = table;
    const records = vault.dataKeys === 0 ? this.#clear() : this.#hidden();
    this.#records = new Map(records.map((record) => [record.name, read(record)]));
  }

  /** By name. */
  all(): readonly T[] {
    return [...this.#records.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): T | undefined {
    return this.#records.get(name);
  }

  put(record: T): void {
    this.#write(record);
    this.#records.set(record.name, record);
  }

  delete(name: string): void {
    this.#database.run(`DELETE FROM ${this.#table} WHERE name = ?`, name);
    this.#records.delete(name);
  }

  /** Encrypts all with the newest data key; returns how many. */
  rewrite(): number {
    for (const record of this.#records.values()) this.#write(record);
    return this.#records.size;
  }

  #write(record: T): void {
    const { name } = record;
    const box = this.#vault.encrypt(Buffer.from(JSON.stringify(record)), this.#placeOf(name));
    const hidden: Hidden = { name, box: Buffer.from(box).toString("base64") };
    this.#database.run(`INSERT OR REPLACE INTO ${this.#table} VALUES (?, ?)`, name, seal(hidden));
  }

  #hidden(): readonly T[] {
    return this.#rows().map((row) => {
      const { name, box } = parseRecord<Hidden>(row);
      const json = this.#vault.decrypt(Buffer.from(box, "base64"), this.#placeOf(name));
      if (json === undefined) throw new DroverError("store_failed", `record ${name} of ${this.#table} does not open`);
      // Written by this class, from a record of this type.
      return JSON.parse(Buffer.from(json).toString("utf8")) as T;
    });
  }

  #clear(): readonly T[] {
    return this.#rows().map((row) => parseRecord<T>(row));
  }

  #rows() {
    return this.#database.all(`SELECT record FROM ${this.#table}`);
  }

  #placeOf(name: string): string {
    return `${this.#table}/${name}`;
  }
}
