import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile, SnapshotFiles } from "./snapshot-files.ts";

export type Files = Readonly<Record<string, string | DroverError>>;

/** For tests: a snapshot in memory, without links; a file that is an error cannot be read. */
export function snapshotOf(files: Files): SnapshotFiles {
  const entries = new Map<string, SnapshotFile>(
    Object.keys(files).map((path) => [path, { path, oid: path, mode: "file" }]),
  );
  const read = (path: string): Promise<Uint8Array> => {
    const content = files[path];
    if (content instanceof DroverError) return Promise.reject(content);
    return Promise.resolve(new TextEncoder().encode(content));
  };
  const resolve = (path: string): Promise<SnapshotFile> => {
    const isFolder = path === "" || [...entries.keys()].some((file) => file.startsWith(`${path}/`));
    const found = entries.get(path) ?? (isFolder ? { path, oid: path, mode: "folder" as const } : undefined);
    return found === undefined
      ? Promise.reject(new DroverError("not_found", "there is no such file"))
      : Promise.resolve(found);
  };
  return {
    entries,
    resolve,
    read,
    decode: async (path) => decodeYaml(path, await read(path)),
  };
}
