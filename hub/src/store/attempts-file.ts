import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** Where a process leaves word for the next one, in case that it ends. */
export interface AttemptsFile extends Disposable {
  /** As the process before has left it; "" = nothing. */
  readonly before: string;
  write(line: string): void;
}

/**
 * The first line of a file that is replaced in place, by one write that is never synced: what a killed process wrote is
 * there, and a power cut is no input's fault. A full disk may keep a longer line out: the next end of the process is
 * charged to nobody then.
 */
export function openAttemptsFile(file: string): AttemptsFile {
  const isNew = !existsSync(file);
  const [before = ""] = isNew ? [] : readFileSync(file, "utf8").split("\n", 1);
  const handle = openSync(file, isNew ? "w" : "r+", 0o600);
  return {
    before,
    write(line) {
      try {
        writeSync(handle, `${line}\n`, 0);
      } catch {
        // Said above; the store says that the disk is full.
      }
    },
    [Symbol.dispose]: () => closeSync(handle),
  };
}
