import { decodeYaml } from "@drover/shared/decode";
import { digestOf, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile } from "../../core/render/snapshot-files.ts";
import type { Snapshot } from "../snapshot.ts";

export interface ArchiveContent {
  /** Of what it was fetched from; keeps caches apart. */
  readonly repository: string;
  /** What is shown as its revision. */
  readonly revision: string;
  readonly digest: Digest;
  /** The files by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The same again: a snapshot itself keeps no content in memory. */
  readonly unpack: () => Promise<ReadonlyMap<string, Uint8Array>>;
}

/** The files of an archive as a snapshot. */
export function snapshotOfArchive({ repository, revision, digest, files, unpack }: ArchiveContent): Snapshot {
  const entries = new Map<string, SnapshotFile>();
  const folders = new Map<string, string>([["", digest]]);
  for (const [path, bytes] of files) {
    entries.set(path, { path, oid: digestOf(bytes), mode: "file" });
    const parts = path.split("/");
    // All folders have the archive's digest: any change to it is a change to them.
    for (let depth = 1; depth < parts.length; depth += 1) folders.set(parts.slice(0, depth).join("/"), digest);
  }
  const resolve = async (path: string): Promise<SnapshotFile> => {
    const found = entries.get(path);
    if (found !== undefined) return found;
    if (folders.has(path)) return { path, oid: digest, mode: "folder" };
    throw new DroverError("not_found", `there is no file ${path}`, { at: { file: path, line: 1, column: 1 } });
  };
  const read = async (path: string): Promise<Uint8Array> => {
    const { mode } = await resolve(path);
    const bytes = mode === "folder" ? undefined : (await unpack()).get(path);
    if (bytes !== undefined) return bytes;
    throw new DroverError("document_invalid", `${path} is a folder, not a file`, {
      at: { file: path, line: 1, column: 1 },
    });
  };
  return {
    repository,
    commit: { id: revision, ref: revision, author: "", emails: [], message: "", committedAtMs: 0, parents: [] },
    entries,
    folders,
    resolve,
    read,
    decode: async (path) => decodeYaml(path, await read(path)),
  };
}
