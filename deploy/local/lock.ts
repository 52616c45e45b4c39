import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { DroverError } from "@drover/shared/errors";

/** The file in the state folder that the lock is on; it outlives `--fresh`. */
export const lockFile = "lock.db";
/** SQLite's code for "somebody else holds it". */
const busy = 5;

/**
 * Takes the state folder for this process: two playgrounds on one store and one set of clusters would spoil both. The
 * system gives the lock back however the process ends. Throws `precondition_failed` when another one holds it.
 */
export function lockFolder(state: string): Disposable {
  const database = new DatabaseSync(join(state, lockFile), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!(cause instanceof Error && "errcode" in cause && cause.errcode === busy)) throw cause;
    throw new DroverError("precondition_failed", "a playground runs in this folder already", {
      hint: "use that one, or stop it with Ctrl-C, or start another: npm start -- --folder /tmp/drover",
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}
