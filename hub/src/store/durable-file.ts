import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

/** Appends to a file or replaces what is in it, for its owner alone; on the disk when it returns. */
export function writeDurably(file: string, flags: "a" | "w", text: string): void {
  const handle = openSync(file, flags, 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** What was made, renamed or removed in it is there after a power cut. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
