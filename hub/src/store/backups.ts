import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { Backup } from "@drover/shared/api/maintenance";
import { DroverError } from "@drover/shared/errors";

import { backupFolder, backupName, listBackups, stamp } from "./backup-folder.ts";
import { checkDatabase } from "./check.ts";
import { openDatabase } from "./database.ts";
import { lockStore } from "./lock.ts";
import { Mark, markFile } from "./mark.ts";
import { SqliteStore } from "./sqlite.ts";
import { openStoreKeys, storeKeyFile } from "./store-keys.ts";
import type { Store } from "./store.ts";
import { neededStoreKeys } from "./vault.ts";

/** Copies a store that is open into the folder of its backups, while it goes on, and deletes all but the newest. */
export async function makeBackup(
  store: Store,
  file: string,
  { kept, now }: { kept: number; now: number },
): Promise<Backup> {
  const folder = backupFolder(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = backupName(now);
  const part = join(folder, "hub.part");
  rmSync(part, { force: true });
  closeSync(openSync(part, "w", 0o600));
  try {
    await store.copyTo(part);
    settle(part);
  } catch (cause) {
    rmSync(part, { force: true });
    throw cause;
  }
  renameSync(part, join(folder, name));
  const backups = listBackups(file);
  for (const old of backups.slice(0, -kept)) rmSync(join(folder, old.name), { force: true });
  const made = backups.find((one) => one.name === name);
  if (made === undefined) throw new DroverError("store_failed", `the backup ${name} is gone`);
  return made;
}

/**
 * Puts a backup in the place of a store that no hub has open, as a new epoch; what was there is moved aside. Returns where
 * to. Throws `store_failed` for a backup that is damaged, and while a hub is running; `store_key_missing` for one that was made
 * with another store key.
 */
export async function restoreBackup(
  file: string,
  store: string,
  now: number,
  keyFile = storeKeyFile(store),
): Promise<string> {
  const checked = inspect(file);
  // One that stands by would take over what is half restored.
  using lock = lockStore(store);
  if (lock === undefined) throw inUse(store);
  refuseWhileOpen(store);
  const part = `${store}.restored`;
  for (const name of [part, markFile(part)]) rmSync(name, { force: true });
  await copyFile(file, part);
  new Mark(markFile(part), checked.commits)[Symbol.dispose]();
  try {
    beginEpoch(part, keyFile);
  } catch (cause) {
    for (const name of [part, `${part}-wal`, markFile(part)]) rmSync(name, { force: true });
    throw cause;
  }
  settle(part);
  const aside = join(dirname(store), `replaced-${stamp(now)}`);
  mkdirSync(aside, { mode: 0o700 });
  for (const name of [store, `${store}-wal`, `${store}-shm`, markFile(store)]) {
    if (existsSync(name)) renameSync(name, join(aside, basename(name)));
  }
  // A mark without a store is refused: a restore that was cut short here is not taken for a hub that never was.
  renameSync(markFile(part), markFile(store));
  renameSync(part, store);
  return aside;
}

function beginEpoch(file: string, keyFile: string): void {
  const database = openDatabase(file);
  try {
    const storeKeys = openStoreKeys(keyFile, neededStoreKeys(database));
    const store = new SqliteStore(database, { storeKeys });
    store.beginEpoch({ confirmed: false });
    store.flush();
  } finally {
    database[Symbol.dispose]();
  }
}

function inspect(file: string) {
  try {
    const checked = checkDatabase(file);
    if (checked.version > 0) return checked;
  } catch (cause) {
    throw new DroverError("store_failed", `${file} cannot be restored: it is damaged, or no store`, { cause });
  }
  throw new DroverError("store_failed", `${file} cannot be restored: there is no store in it`);
}

const busy = 5;

/** A store that is too damaged to be asked is open nowhere. */
function refuseWhileOpen(store: string): void {
  if (!existsSync(store)) return;
  const database = new DatabaseSync(store, { readOnly: true, timeout: 0 });
  try {
    database.prepare("PRAGMA schema_version").get();
  } catch (cause) {
    if (!(cause instanceof Error && "errcode" in cause && cause.errcode === busy)) return;
    throw inUse(store, cause);
  } finally {
    database.close();
  }
}

function inUse(store: string, cause?: unknown): DroverError {
  const hint = "stop the hub first, and those that stand by";
  return new DroverError("store_failed", `the store ${store} is in use`, { hint, cause });
}

/** Makes it one file, without a write-ahead log, and durable. */
function settle(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = DELETE");
  database.close();
  const handle = openSync(file, "r");
  fsyncSync(handle);
  closeSync(handle);
}
