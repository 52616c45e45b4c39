import { existsSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";

import { DroverError } from "@drover/shared/errors";

import { readMark } from "./mark.ts";
import { migrations, sealedSince } from "./migrations.ts";
import { unseal } from "./sealed.ts";

export interface Checked {
  /** Schema of the file; 0 = there is nothing in it. */
  readonly version: number;
  /** Number of its last commit; 0 = it was written before commits were counted. */
  readonly commits: number;
}

/** Takes the record of a row; those of `parts` come first, since others name them. */
export type Visit = (table: string, record: object, row: Row) => void;
type Row = Readonly<Record<string, SQLOutputValue>>;

/**
 * Reads a whole store, without changing anything, and throws `store_failed` unless it is what Drover wrote: by SQLite's own
 * check and by the seal of every record. Blobs are checked by those who read them, by their digests. Of a store of the
 * newest schema the records are handed out: a large one need not be read twice.
 */
export function checkDatabase(file: string, visit: Visit = () => undefined): Checked {
  if (!existsSync(file)) return { version: 0, commits: 0 };
  const database = new DatabaseSync(file, { readOnly: true, timeout: busyMs });
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > migrations.length) {
      throw new DroverError("store_failed", `the store ${file} was written by a newer Drover (schema ${version})`, {
        hint: "start the newer version",
      });
    }
    // Of the table of blobs it is the structure; no more than the first finding is of use.
    const finding = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    if (finding !== "ok") throw new Error(String(finding));
    const handOut = version === migrations.length ? visit : () => undefined;
    const commits = version < sealedSince ? 0 : checkSeals(database, handOut);
    return { version, commits };
  } finally {
    database.close();
  }
}

/** How long the store's lock is waited for: a hub that is being stopped holds it until it is gone. */
export const busyMs = 5_000;

/** Compares with the mark, which knows of commits that a file which was cut short, put back or emptied does not have. */
export function checkMark(file: string, { commits }: Checked): void {
  const mark = readMark(file);
  if (mark === undefined && commits === 0) return;
  if (mark === undefined) throw new Error("its mark is missing: it was put here by hand");
  if (Number.isNaN(mark)) throw new Error("its mark is not readable");
  if (mark > commits) throw new Error(`it ends at commit ${commits}, but ${mark} were acknowledged`);
}

/** Hands out every record of a database. Throws an Error when one is not as it was written. */
export function visitRecords(each: (sql: string) => Iterable<Row>, visit: Visit): void {
  const sql = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'record'";
  const tables = Array.from(each(sql), ({ name }) => String(name));
  for (const table of tables.toSorted((a, b) => Number(b === "parts") - Number(a === "parts"))) {
    for (const row of each(`SELECT * FROM ${table}`)) visit(table, readRow(table, row), row);
  }
}

function checkSeals(database: DatabaseSync, visit: Visit): number {
  visitRecords((sql) => database.prepare(sql).iterate(), visit);
  const meta = new Map(
    database
      .prepare("SELECT key, value FROM meta")
      .all()
      .map(({ key, value }) => [key, String(value)]),
  );
  const commits = Number(meta.get("commits") ?? 0);
  if (!Number.isSafeInteger(commits)) throw new Error("the number of its commits is damaged");
  const identity = meta.get("identity");
  if (identity === undefined ? commits > 0 : unseal(identity) === undefined) throw new Error("its identity is damaged");
  return commits;
}

/** The record. What stands in columns as well, to find the row by, has to be what the record says. */
function readRow(table: string, row: Row): object {
  const json = unseal(String(row["record"]));
  if (json === undefined) throw new Error(`a record of ${table} is damaged`);
  const record = JSON.parse(json) as Readonly<Record<string, unknown>>;
  for (const column in row) {
    if (column !== "record" && Object.hasOwn(record, column) && record[column] !== row[column])
      throw new Error(`a key of ${table} is damaged`);
  }
  return record;
}
