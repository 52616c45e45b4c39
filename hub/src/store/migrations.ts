import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { DroverError } from "@drover/shared/errors";

/**
 * The schema, one step after the other; the number of steps taken is SQLite's `user_version`. Steps are never edited:
 * add one. Columns that are only read whole are JSON.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE sources (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE clusters (name TEXT PRIMARY KEY, generation INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE TABLE join_tokens (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE TABLE targets (
    app TEXT NOT NULL, cluster TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (app, cluster)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE blobs (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE observed (
    app TEXT NOT NULL, cluster TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (app, cluster)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE events (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
  `,
  `
  CREATE TABLE rollouts (
    app TEXT NOT NULL, strategy TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (app, strategy)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE confirmed_reach (app TEXT PRIMARY KEY, digest TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `CREATE TABLE credentials (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
  `
  CREATE TABLE tokens (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE audit (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE audit_ends (name TEXT PRIMARY KEY, id INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  `,
];

/** Opens or creates a file, and takes the steps that it lacks. Throws `store_failed` for one of a newer Drover. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  // A power cut must not lose an acknowledged decision: WAL with a sync at every commit.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
  if (file !== ":memory:") chmodSync(file, 0o600);
  migrate(database, file);
  return database;
}

function migrate(database: DatabaseSync, file: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > migrations.length) {
    throw new DroverError("store_failed", `the store ${file} was written by a newer Drover (schema ${version})`, {
      hint: "start the newer version",
    });
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
