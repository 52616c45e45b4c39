import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { DroverError } from "@drover/shared/errors";

/** SQLite's primary result code. */
const busy = 5;

/**
 * What one process at a time has of a store, from before it looks at it until it ends: who has it is the only one that reads
 * the store, decides, signs and sends. The lock is the kernel's, so it ends with its process however that ends, and not
 * while that only stands still. It is on an empty file of its own: whoever waits for it touches nothing that the other has.
 */
export type StoreLock = Disposable;

export function lockFile(store: string): string {
  return `${store}-lock`;
}

/** Undefined when another process has it, for all of `waitMs`, which stops this process meanwhile. Throws `store_failed`. */
export function lockStore(store: string, { waitMs = 0 }: { readonly waitMs?: number } = {}): StoreLock | undefined {
  const file = lockFile(store);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: waitMs });
    chmodSync(file, 0o600);
    // Nothing is ever written there. Without a journal in memory there would be one beside the file.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === busy) return undefined;
    throw new DroverError("store_failed", `the store cannot be locked by ${file}`, { cause });
  }
  const held = database;
  return { [Symbol.dispose]: () => held.close() };
}
