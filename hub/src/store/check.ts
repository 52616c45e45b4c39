import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

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

/**
 * Reads a whole store, without changing anything, and throws `store_failed` unless it is what Drover wrote: by SQLite's own
 * check and by the seal of every record. Blobs are checked by those who read them, by their digests.
 */
export function checkDatabase(file: string): Checked {
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
    const commits = version < sealedSince ? 0 : checkSeals(database);
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

function checkSeals(database: DatabaseSync): number {
  const tables = database
    .prepare("SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'record'")
    .all();
  for (const { name } of tables) {
    for (const row of database.prepare(`SELECT * FROM ${String(name)}`).iterate()) checkRow(String(name), row);
  }
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

/** What stands in columns as well, to find the row by, has to be what the record says. */
function checkRow(table: string, { record, ...columns }: Record<string, unknown>): void {
  const json = unseal(String(record));
  if (json === undefined) throw new Error(`a record of ${table} is damaged`);
  const fields = new Map<string, unknown>(Object.entries(JSON.parse(json) as object));
  for (const [column, value] of Object.entries(columns)) {
    if (fields.has(column) && fields.get(column) !== value) throw new Error(`a key of ${table} is damaged`);
  }
}
