/** A repository to read: where it is and who asks. */
export interface SourceSpec {
  readonly name: string;
  /** http(s) address, or a path on this machine. */
  readonly url: string;
  /** Branch, tag or commit; "" = the repository's default branch. */
  readonly ref: string;
  readonly username?: string;
  readonly password?: string;
}

export interface Commit {
  readonly id: string;
  /** What `ref` came to: the name of the branch or tag. */
  readonly ref: string;
  readonly message: string;
  readonly author: string;
  readonly committedAtMs: number;
}

export interface TreeItem {
  readonly name: string;
  readonly oid: string;
  readonly mode: "file" | "executable" | "symlink" | "submodule" | "folder";
}

export interface Mirror {
  /**
   * Brings the newest commit here. Throws `source_auth`, `source_missing`, `source_unreachable`, `source_ref_missing`;
   * never with credentials in the message.
   */
  fetch(source: SourceSpec, signal: AbortSignal): Promise<Commit>;
  /** Deletes what is kept of a source that was removed. */
  forget(name: string): Promise<void>;
}

export interface MirrorOptions {
  /** Bare mirrors live here, one folder a source. */
  readonly folder: string;
}

export function createMirror(options: MirrorOptions): Mirror {
  void options;
  return { fetch: () => Promise.reject(new Error("not yet")), forget: () => Promise.resolve() };
}
