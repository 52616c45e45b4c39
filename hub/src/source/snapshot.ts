import type { SnapshotFile, SnapshotFiles } from "../core/render/snapshot-files.ts";
import type { Commit, Mirror, SourceSpec } from "./mirror.ts";

export type TreeEntry = SnapshotFile;

/** The files of a repository at a commit. */
export interface Snapshot extends SnapshotFiles {
  readonly repository: string;
  readonly commit: Commit;
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

/** Lists the files under `path` ("" = all); contents are read on demand and remembered by object id. */
export async function readSnapshot(
  mirror: Mirror,
  source: SourceSpec,
  at: { readonly commit: Commit; readonly path: string },
  signal: AbortSignal,
): Promise<Snapshot> {
  await Promise.resolve();
  void [mirror, source, at, signal];
  throw new Error("not yet");
}

/** Equal when nothing under the path changed. */
export function treeDigest(snapshot: Snapshot, path: string): string {
  void [snapshot, path];
  return "";
}
