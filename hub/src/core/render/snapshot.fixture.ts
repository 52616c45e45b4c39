import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile, SnapshotFiles } from "./snapshot-files.ts";

export type Files = Readonly<Record<string, string | DroverError>>;

/** For tests: a snapshot in memory; a file that is an error cannot be read. */
export function snapshotOf(files: Files): SnapshotFiles {
  const read = (path: string): Promise<Uint8Array> => {
    const content = files[path];
    if (content instanceof DroverError) return Promise.reject(content);
    return Promise.resolve(new TextEncoder().encode(content));
  };
  const entry = (path: string): SnapshotFile => ({ path, oid: path, mode: "file" });
  return {
    entries: new Map(Object.keys(files).map((path) => [path, entry(path)])),
    resolve: (path) => Promise.resolve(entry(path)),
    read,
    decode: async (path) => decodeYaml(path, await read(path)),
  };
}
