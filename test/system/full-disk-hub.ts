import { existsSync } from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";

import { bundle } from "./bundle.ts";

/**
 * A hub whose disk is full for as long as there is a file `full` beside its data folder, as SQLite and the file system tell
 * it: for machines where no small disk can be mounted.
 */
const dataDir = process.argv[process.argv.indexOf("--data-dir") + 1] ?? "";
const isFull = (): boolean => existsSync(`${dataDir}.full`);

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function execOnDisk(this: DatabaseSync, sql: string): void {
  if (sql.startsWith("BEGIN") && isFull())
    throw Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 });
  exec.call(this, sql);
};

const { statfs } = promises;
Object.assign(promises, {
  statfs: async (path: string) => Object.assign(await statfs(path), isFull() ? { bavail: 0 } : {}),
});
syncBuiltinESMExports();

await import(bundle("hub"));
