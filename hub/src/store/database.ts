import { chmodSync } from "node:fs";
import { join } from "node:path";
import { backup as copyDatabase, DatabaseSync, type SQLOutputValue } from "node:sqlite";

import { DroverError } from "@drover/shared/errors";

import { diskFull } from "../core/disk-full.ts";
import { backupFolder, listBackups } from "./backup-folder.ts";
import { busyMs, checkDatabase, checkMark, visitRecords, type Visit } from "./check.ts";
import { Mark, markFile } from "./mark.ts";
import { migrations } from "./migrations.ts";
import type { Reserve } from "./reserve.ts";
import { seal } from "./sealed.ts";

type Value = string | number | Uint8Array;
export type Row = Readonly<Record<string, SQLOutputValue>>;

export interface OpenOptions {
  readonly steps?: readonly string[];
  readonly reserve?: Reserve | undefined;
  /** See `checkDatabase`. */
  readonly visit?: Visit;
}

/**
 * Opens or creates a store's file, for this process alone. Throws `store_failed` for one of a newer Drover, a damaged one
 * and one that has lost commits: what cannot be read is never replaced by an empty store, and stays as it is.
 */
export function openDatabase(file: string, { steps = migrations, reserve, visit }: OpenOptions = {}): Database {
  if (file === ":memory:") return new Database(prepareDatabase(new DatabaseSync(file), steps));
  let database: DatabaseSync | undefined;
  try {
    const checked = checkDatabase(file, visit);
    checkMark(file, checked);
    database = new DatabaseSync(file, { timeout: busyMs });
    chmodSync(file, 0o600);
    const opened = prepareDatabase(database, steps);
    if (checked.version !== migrations.length && visit !== undefined)
      visitRecords((sql) => opened.prepare(sql).iterate(), visit);
    return new Database(opened, { mark: new Mark(markFile(file), checked.commits), reserve });
  } catch (cause) {
    database?.close();
    throw explain(file, cause);
  }
}

/** Brings it up to the newest schema. */
export function prepareDatabase(database: DatabaseSync, steps: readonly string[] = migrations): DatabaseSync {
  // A power cut must not lose an acknowledged decision: WAL with a sync at every commit. Exclusive: no second hub, and no
  // restore beneath a running one.
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.function("sealed", { deterministic: true }, (record) => seal(JSON.parse(String(record)) as object));
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
  return database;
}

/** A store's file. Every write but those of `unsynced` is a transaction, which is on the disk and counted when the call returns. */
export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #mark: Mark | undefined;
  readonly #reserve: Reserve | undefined;
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  #commits: number;
  /** What the next transaction writes as well. */
  #entry: (() => void) | undefined;

  constructor(database: DatabaseSync, { mark, reserve }: { mark?: Mark; reserve?: Reserve | undefined } = {}) {
    this.#database = database;
    this.#reserve = reserve;
    this.#mark = mark;
    this.#commits = Number(this.get("SELECT value FROM meta WHERE key = 'commits'")?.["value"] ?? 0);
  }

  get(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.#prepare(sql).all(...values);
  }

  /** Row by row: of a large table not all are in memory at once. Nothing else may be done with the store meanwhile. */
  each(sql: string): Iterable<Row> {
    return this.#prepare(sql).iterate();
  }

  run(sql: string, ...values: readonly Value[]): void {
    if (this.#database.isTransaction) this.#prepare(sql).run(...values);
    else this.transaction(() => this.run(sql, ...values));
  }

  /** The first transaction of the body, and the entry, are on the disk together; the entry alone when there is none. */
  together<T>(entry: () => void, body: () => T): T {
    this.#entry = entry;
    try {
      const result = body();
      if (this.#entry !== undefined) this.transaction(() => undefined);
      return result;
    } finally {
      this.#entry = undefined;
    }
  }

  /** All of what the body writes, or nothing. Throws `store_full` when there is no room, not even in the reserve. */
  transaction(body: () => void): void {
    this.#transact(body, () => this.#attempt(body));
  }

  /**
   * As `transaction`, for what is told again when it is lost: the disk is not waited for, so a power cut may take it, up to
   * the next transaction. It is no commit that the mark would miss.
   */
  unsynced(body: () => void): void {
    this.#transact(body, () => this.#attemptUnsynced(body));
  }

  #transact(body: () => void, attempt: () => void): void {
    if (this.#database.isTransaction) return body();
    try {
      attempt();
    } catch (cause) {
      if (!isFull(cause)) throw new DroverError("store_failed", "the store refused a write", { cause });
      if (this.#reserve?.release() !== true) throw diskFull(cause);
      this.#transact(body, attempt);
    }
  }

  #attempt(body: () => void): void {
    this.#commit(() => {
      body();
      this.#entry?.();
      this.#count(this.#commits + 1);
    });
    this.#entry = undefined;
    this.#commits += 1;
    this.#mark?.write(this.#commits);
  }

  #attemptUnsynced(body: () => void): void {
    this.#database.exec("PRAGMA synchronous = NORMAL");
    try {
      this.#commit(body);
    } finally {
      this.#database.exec("PRAGMA synchronous = FULL");
    }
  }

  #commit(body: () => void): void {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      body();
      this.#database.exec("COMMIT");
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw cause;
    }
  }

  /** Leaves no log behind the file; what was in it is on the disk before. */
  checkpoint(): void {
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Leaves nothing in the file and its log of what was deleted or replaced. Takes as much room as the store, and time. */
  scrub(): void {
    this.#database.exec("VACUUM");
    this.checkpoint();
  }

  /** Not on this thread, and with what is written meanwhile. */
  async copyTo(file: string): Promise<void> {
    await copyDatabase(this.#database, file);
  }

  [Symbol.dispose](): void {
    this.#database.close();
    this.#mark?.[Symbol.dispose]();
  }

  #count(commits: number): void {
    this.run("INSERT OR REPLACE INTO meta VALUES ('commits', ?)", String(commits));
  }

  #prepare(sql: string) {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** SQLite's primary result codes. */
const busy = 5;
const full = 13;

function isFull(cause: unknown): boolean {
  return (
    cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" && (cause.errcode & 0xff) === full
  );
}

function explain(file: string, cause: unknown): DroverError {
  if (cause instanceof DroverError) return cause;
  if (cause instanceof Error && "errcode" in cause && cause.errcode === busy) {
    return new DroverError("store_failed", `the store ${file} is in use by another hub`, { cause });
  }
  const backup = listBackups(file).at(-1);
  const restore =
    backup === undefined
      ? "restore a backup (there is none beside it)"
      : `restore its newest backup: start the hub once with --restore ${join(backupFolder(file), backup.name)}`;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DroverError("store_failed", `the store ${file} is damaged: ${reason}`, {
    hint: `${restore}, or move it and its mark away to start anew: workloads stay as they are`,
    cause,
  });
}
