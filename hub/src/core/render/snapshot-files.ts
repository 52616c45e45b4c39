import type { Decoded } from "@drover/shared/decode";

export interface SnapshotFile {
  /** From the root of the repository, parts joined by "/". */
  readonly path: string;
  /** Equal for equal content. */
  readonly oid: string;
  readonly mode: "file" | "executable" | "symlink" | "submodule";
}

/** What a renderer sees of a snapshot. */
export interface SnapshotFiles {
  readonly entries: ReadonlyMap<string, SnapshotFile>;
  /** Follows symbolic links inside the repository. Throws `input_too_large`, `not_found` and `document_invalid`. */
  read(path: string): Promise<Uint8Array>;
  /** `read` and `decodeYaml`, remembered by content. */
  decode(path: string): Promise<Decoded>;
}
