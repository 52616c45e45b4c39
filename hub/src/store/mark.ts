import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

import { syncFolder } from "./durable-file.ts";

const digits = 16;

/**
 * A small file beside the store with the number of the last commit. SQLite takes a write-ahead log that was cut short for
 * one that ended there; by the mark it is known that there was more.
 */
export class Mark implements Disposable {
  readonly #file: number;

  /** Opens it for writing, and makes it when there is none. */
  constructor(file: string, commits: number) {
    const isNew = !existsSync(file);
    this.#file = openSync(file, isNew ? "w" : "r+", 0o600);
    this.write(commits);
    fsyncSync(this.#file);
    if (isNew) syncFolder(dirname(file));
  }

  /**
   * Not synced: after a power cut it may be behind the store, which is always synced before, and never ahead of it. The
   * bytes are replaced in place, so that a full disk does not matter.
   */
  write(commits: number): void {
    writeSync(this.#file, `${String(commits).padStart(digits, "0")}\n`, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

export function markFile(store: string): string {
  return `${store}-mark`;
}

/** Undefined when there is none; NaN when it cannot be read. */
export function readMark(store: string): number | undefined {
  const file = markFile(store);
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "latin1");
  return /^\d{16}\n$/u.test(text) ? Number(text) : Number.NaN;
}
