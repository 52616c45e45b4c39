/**
 * The schema, one step after the other; the number of steps taken is SQLite's `user_version`. Steps are never edited:
 * add one. Columns that are only read whole are JSON; where they are called `record`, they are written with `seal`.
 */
export const migrations: readonly string[] = [
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
  UPDATE sources SET record = sealed(record);
  UPDATE credentials SET record = sealed(record);
  UPDATE clusters SET record = sealed(record);
  UPDATE join_tokens SET record = sealed(record);
  UPDATE targets SET record = sealed(record);
  UPDATE observed SET record = sealed(record);
  UPDATE rollouts SET record = sealed(record);
  UPDATE events SET record = sealed(record);
  `,
  `
  CREATE TABLE tokens (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE audit (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE audit_ends (name TEXT PRIMARY KEY, id INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  `,
  `CREATE TABLE enrolments (cluster TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
  `CREATE TABLE pins (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
  `CREATE TABLE sessions (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
  `
  CREATE TABLE receipts (id TEXT PRIMARY KEY, at INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE INDEX receipts_at ON receipts (at);
  `,
  // What is there in clear is encrypted by `createEncryption`, which has the key.
  `CREATE TABLE data_keys (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
];

/** The schema from which on records carry seals and commits are counted. */
export const sealedSince = 4;
