import { decodeYaml } from "@drover/shared/decode";

import type { SnapshotFile } from "../../core/render/snapshot-files.ts";
import type { Archive } from "../published/packages.ts";
import type { Snapshot } from "../snapshot.ts";

/** A snapshot with archives at these paths, as if they had been committed: those of charts that it depends on. */
export function withArchives(snapshot: Snapshot, archives: ReadonlyMap<string, Archive>): Snapshot {
  const added = [...archives].map(([path, { digest }]): SnapshotFile => ({ path, oid: digest, mode: "file" }));
  const entries = new Map([...snapshot.entries, ...added.map((file) => [file.path, file] as const)]);
  const read = async (path: string): Promise<Uint8Array> => archives.get(path)?.read() ?? snapshot.read(path);
  return {
    ...snapshot,
    entries,
    resolve: async (path) => (archives.has(path) ? entries.get(path) : undefined) ?? snapshot.resolve(path),
    read,
    decode: async (path) => (archives.has(path) ? decodeYaml(path, await read(path)) : snapshot.decode(path)),
  };
}
