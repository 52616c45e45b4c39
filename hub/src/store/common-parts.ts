import { hash } from "node:crypto";

import { DroverError } from "@drover/shared/errors";

import type { TargetRecord } from "../core/target.ts";
import type { Database } from "./database.ts";
import { seal } from "./sealed.ts";
import type { ObservedRecord } from "./store.ts";

/** A record as it is in its row: whole, or without the part that `of` names. */
export type Row<T> = T | Packed<T>;
type Packed<T> = Partial<T> & { readonly of: string };

export function isPacked<T extends object>(row: Row<T>): row is Packed<T> {
  return "of" in row;
}

/** Of the JSON of parts that only one record has so far, in code units; more than that are forgotten, and count as unseen. */
const maxSeenLength = 8 * 1024 * 1024;
/** So many parts are worth a look for those that no record has any more. */
const manyParts = 10_000;

/**
 * What hundreds of clusters are assigned and report is mostly the same: it is in the store once, and a row has only what is
 * its own, which is a fifth of it. A part is shared from the second record on that has it, so that what is different
 * everywhere stays in its row.
 */
export class CommonParts {
  /** In the table, by their names. */
  readonly #parts = new Map<string, object>();
  /** Written by transactions that may have come to nothing. */
  readonly #unsettled = new Map<string, object>();
  /** Where the transaction is that packs now. */
  #database: Database | undefined;
  readonly #writtenNow = new Set<string>();
  readonly #seen = new Set<string>();
  #seenLength = 0;

  /** As it is in the table. */
  take(name: string, part: object): void {
    this.#parts.set(name, part);
  }

  /** To be called first in a transaction that packs records. */
  begin(database: Database): void {
    this.#database = database;
    this.#writtenNow.clear();
  }

  /** To be called after such a transaction. */
  settle(): void {
    for (const [name, part] of this.#unsettled) this.#parts.set(name, part);
    this.#unsettled.clear();
  }

  /** What is to be in the row, written in a transaction after `begin`. */
  packTarget(target: TargetRecord): Row<TargetRecord> {
    const { app, cluster, syncRequest, seenAtMs, assignedAtMs, ...common } = target;
    const of = this.#share(common);
    return of === undefined ? target : { of, app, cluster, syncRequest, seenAtMs, assignedAtMs };
  }

  /** As `packTarget`. */
  packObserved(record: ObservedRecord): Row<ObservedRecord> {
    const { app, cluster, sinceMs, observedAtMs, report, ...rest } = record;
    if (report === undefined) return record;
    const { sequence, generation, receivedAtMs, appliedAtMs, digest, ...common } = report;
    const of = this.#share({ ...rest, report: common });
    const said = { sequence, generation, receivedAtMs, appliedAtMs, digest };
    // What JSON leaves out is what the record does not have.
    return of === undefined
      ? record
      : ({ of, app, cluster, sinceMs, observedAtMs, report: said } as Row<ObservedRecord>);
  }

  unpackTarget(row: Row<TargetRecord>): TargetRecord {
    if (!isPacked(row)) return row;
    const { of, ...own } = row;
    // Only `#share` writes parts, and their seals hold.
    return { ...(this.#part(of) as TargetRecord), ...own };
  }

  unpackObserved(row: Row<ObservedRecord>): ObservedRecord {
    if (!isPacked(row)) return row;
    const { of, report, ...own } = row;
    const common = this.#part(of) as ObservedRecord;
    return { ...common, ...own, report: { ...common.report, ...report } as ObservedRecord["report"] };
  }

  /** Deletes the parts that no row names any more, when there are many. */
  collect(database: Database): void {
    if (this.#parts.size < manyParts) return;
    const named = new Set<string>();
    for (const table of ["targets", "observed"]) {
      const sql = `SELECT DISTINCT json_extract(record, '$.of') AS name FROM ${table}`;
      for (const row of database.each(sql)) named.add(String(row["name"]));
    }
    const unnamed = [...this.#parts.keys()].filter((name) => !named.has(name));
    database.transaction(() => {
      for (const name of unnamed) database.run("DELETE FROM parts WHERE name = ?", name);
    });
    for (const name of unnamed) this.#parts.delete(name);
  }

  #part(name: string): object {
    const part = this.#parts.get(name);
    if (part === undefined)
      throw new DroverError("store_failed", "a part that records of the store have in common is missing");
    return part;
  }

  /** The name of a part that is in the table after this transaction; undefined for one that no other record has had. */
  #share(part: object): string | undefined {
    const json = JSON.stringify(part);
    const name = hash("sha256", json).slice(0, 32);
    if (this.#parts.has(name) || this.#writtenNow.has(name)) return name;
    if (!this.#unsettled.has(name) && !this.#seen.has(name)) {
      this.#remember(name, json.length);
      return undefined;
    }
    this.#database?.run("INSERT OR IGNORE INTO parts VALUES (?, ?)", name, seal(part));
    this.#writtenNow.add(name);
    this.#unsettled.set(name, part);
    return name;
  }

  #remember(name: string, length: number): void {
    if (this.#seenLength + length > maxSeenLength) {
      this.#seen.clear();
      this.#seenLength = 0;
    }
    this.#seen.add(name);
    this.#seenLength += length;
  }
}
