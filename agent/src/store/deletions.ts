import { numberAt, recordsAt, textAt } from "@drover/shared/json";

import type { Deletion } from "../core/policy.ts";
import type { Disk } from "./disk.ts";
import { readOptional, replaceFile } from "./file.ts";

/** Deletions that were counted lately; a file that cannot be read counts as none. */
export async function readDeletions(disk: Disk, path: string): Promise<readonly Deletion[]> {
  const bytes = await readOptional(disk, path);
  if (bytes === undefined) return [];
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return recordsAt(value, "deletions").map((entry) => ({
      application: textAt(entry, "application") ?? "",
      atMs: numberAt(entry, "atMs") ?? 0,
      objects: numberAt(entry, "objects") ?? 0,
    }));
  } catch {
    return [];
  }
}

/** Has reached the disk when it resolves: what was counted is counted after a crash too. */
export async function writeDeletions(disk: Disk, path: string, deletions: readonly Deletion[]): Promise<void> {
  await replaceFile(disk, path, JSON.stringify({ deletions }), { durable: true });
}
