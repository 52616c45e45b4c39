import type { DatabaseSync } from "node:sqlite";

import { firstEnrolment, type Enrolment } from "../core/enrolment.ts";
import type { Enrolments, JoinTokenRecord } from "./store.ts";

/** Read from memory, written through. */
export class EnrolmentTable implements Enrolments {
  readonly #database: DatabaseSync;
  readonly #records = new Map<string, Enrolment>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    for (const { cluster, record } of database.prepare("SELECT cluster, record FROM enrolments").all()) {
      // Earlier versions did not write every field.
      this.keep({ ...firstEnrolment(String(cluster), 0), ...(JSON.parse(String(record)) as Partial<Enrolment>) });
    }
  }

  get(cluster: string): Enrolment | undefined {
    return this.#records.get(cluster);
  }

  put(enrolment: Enrolment): void {
    this.write(enrolment);
    this.keep(enrolment);
  }

  /** The half of `put` that belongs into a transaction. */
  write(enrolment: Enrolment): void {
    const statement = this.#database.prepare("INSERT OR REPLACE INTO enrolments VALUES (?, ?)");
    statement.run(enrolment.cluster, JSON.stringify(enrolment));
  }

  /** Also forgets tokens that ended a day before this one does. */
  writeToken(token: JoinTokenRecord): void {
    this.#database.prepare("DELETE FROM join_tokens WHERE expires_at < ?").run(token.expiresAtMs - 86_400_000);
    const statement = this.#database.prepare("INSERT OR REPLACE INTO join_tokens VALUES (?, ?, ?)");
    statement.run(token.id, token.expiresAtMs, JSON.stringify(token));
  }

  /** The half of `put` that belongs behind it. */
  keep(enrolment: Enrolment): void {
    this.#records.set(enrolment.cluster, enrolment);
  }

  forget(beforeMs: number, isRegistered: (cluster: string) => boolean): void {
    for (const { cluster, sinceMs } of this.#records.values()) {
      if (sinceMs >= beforeMs || isRegistered(cluster)) continue;
      this.#database.prepare("DELETE FROM enrolments WHERE cluster = ?").run(cluster);
      this.#records.delete(cluster);
    }
  }
}
