import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Backup } from "@drover/shared/api/maintenance";

/** Where the backups of a store are. */
export function backupFolder(store: string): string {
  return join(dirname(store), "backups");
}

/** Names sort by time. */
export function backupName(now: number): string {
  return `hub-${stamp(now)}.db`;
}

/** `20261127T074100123Z`. */
export function stamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:.]/gu, "");
}

/** The oldest first. */
export function listBackups(store: string): readonly Backup[] {
  const folder = backupFolder(store);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^hub-\d{8}T\d{9}Z\.db$/u.test(name));
  return names.toSorted().map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return { name, bytes: size, at: Math.round(mtimeMs) };
  });
}
