import type { Decoded } from "@drover/shared/decode";

export interface SnapshotFile {
  /** From the root of the repository, parts joined by "/". */
  readonly path: string;
  /** Equal for equal content. */
  readonly oid: string;
  readonly mode: "file" | "executable" | "symlink" | "submodule" | "folder";
}

/** What a renderer sees of a snapshot. */
export interface SnapshotFiles {
  /** Every file, link and submodule by its path; folders are not listed. */
  readonly entries: ReadonlyMap<string, SnapshotFile>;
  /** Follows symbolic links to a file or folder of the repository. Throws `not_found` and `document_invalid`. */
  resolve(path: string): Promise<SnapshotFile>;
  /** Follows symbolic links. Throws `input_too_large`, `not_found` and `document_invalid`, with the place. */
  read(path: string): Promise<Uint8Array>;
  /** `read` and `decodeYaml`, remembered by content. */
  decode(path: string): Promise<Decoded>;
}
