import { firstEnrolment, reminded, type Enrolment } from "../core/enrolment.ts";
import type { Database } from "./database.ts";
import { isNotable, type Ledger } from "./ledger.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";
import type { Enrolments, JoinTokenRecord } from "./store.ts";

/** Read from memory, written through. */
export class EnrolmentTable implements Enrolments {
  readonly #database: Database;
  readonly #ledger: Ledger | undefined;
  readonly #records = new Map<string, Enrolment>();

  /** Without a ledger nothing is known but what is in the store. */
  constructor(database: Database, ledger?: Ledger) {
    this.#database = database;
    this.#ledger = ledger;
    for (const row of database.all("SELECT record FROM enrolments")) {
      const record = parseRecord<Partial<Enrolment> & Pick<Enrolment, "cluster">>(row);
      // Earlier versions did not write every field.
      this.#records.set(record.cluster, { ...firstEnrolment(record.cluster, 0), ...record });
    }
    for (const ending of ledger?.endings() ?? []) {
      const known = this.#records.get(ending.cluster) ?? firstEnrolment(ending.cluster, 0);
      const next = reminded(known, ending);
      if (next === known) continue;
      this.write(next);
      this.#records.set(next.cluster, next);
    }
    ledger?.settle(this.#records.values());
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
    this.#database.run("INSERT OR REPLACE INTO enrolments VALUES (?, ?)", enrolment.cluster, seal(enrolment));
  }

  /** Also forgets tokens that ended a day before this one does. */
  writeToken(token: JoinTokenRecord): void {
    this.#database.run("DELETE FROM join_tokens WHERE expires_at < ?", token.expiresAtMs - 86_400_000);
    const record = seal(token);
    this.#database.run("INSERT OR REPLACE INTO join_tokens VALUES (?, ?, ?)", token.id, token.expiresAtMs, record);
  }

  /** The half of `put` that belongs behind it. */
  keep(enrolment: Enrolment): void {
    this.#records.set(enrolment.cluster, enrolment);
    if (isNotable(enrolment)) this.#ledger?.note(enrolment);
  }

  forget(beforeMs: number, isRegistered: (cluster: string) => boolean): void {
    for (const { cluster, sinceMs } of this.#records.values()) {
      if (sinceMs >= beforeMs || isRegistered(cluster)) continue;
      this.#database.run("DELETE FROM enrolments WHERE cluster = ?", cluster);
      this.#records.delete(cluster);
      this.#ledger?.settle(this.#records.values());
    }
  }
}
