import fs from "node:fs";

import { DroverError } from "@drover/shared/errors";
import * as git from "isomorphic-git";

export interface CommitObject {
  readonly id: string;
  /** At most 2,000 characters. */
  readonly message: string;
  readonly author: string;
  /** Addresses of the author and of the committer, in lower case: what the commit says, whoever made it. */
  readonly emails: readonly string[];
  readonly committedAtMs: number;
  readonly parents: readonly string[];
}

/** An object as it is hashed, without its header. */
export interface RawObject {
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface TreeItem {
  readonly name: string;
  readonly oid: string;
  readonly mode: "file" | "executable" | "symlink" | "submodule" | "folder";
}

/** Git never writes these; who writes them by hand wants files outside the repository. */
const unsafeName = /^(?:\.{0,2}|\.git)$|[/\0]/iu;

/** One object database. */
export interface GitObjects {
  /** Follows a tag to its commit. */
  readCommit(id: string): Promise<CommitObject>;
  /** The folder with this id, or that of the commit with this id. */
  readTree(oid: string): Promise<readonly TreeItem[]>;
  /** Throws `input_too_large`. */
  readBlob(oid: string, maxBytes: number): Promise<Uint8Array>;
  /** A commit or a tag as it was written. */
  readRaw(oid: string): Promise<RawObject>;
  has(oid: string): Promise<boolean>;
  /** What isomorphic-git remembers of the packs: their indexes, and whole packs. */
  readonly cache: object;
  /** Lets go of what is remembered: other packs are in their place. */
  forgetPacks(): void;
}

const modes: Readonly<Record<string, TreeItem["mode"]>> = {
  "040000": "folder",
  "100644": "file",
  "100664": "file",
  "100755": "executable",
  "120000": "symlink",
  "160000": "submodule",
};

/**
 * `folder` is the one with `objects` in it. Others may repack it at any time. What cannot be read is told to `damaged`
 * and thrown as `source_unreachable`.
 */
export function openGitObjects(folder: string, damaged: () => void = () => undefined): GitObjects {
  let cache = {};
  const read = async <T>(body: (base: { fs: typeof fs; gitdir: string; cache: object }) => Promise<T>): Promise<T> => {
    try {
      return await body({ fs, gitdir: folder, cache });
    } catch {
      // A repack moves objects into packs that the cache has not seen.
      cache = {};
    }
    try {
      return await body({ fs, gitdir: folder, cache });
    } catch (cause) {
      if (cause instanceof git.Errors.UnsafeFilepathError) throw unsafe(cause);
      damaged();
      throw new DroverError("source_unreachable", "an object of the repository cannot be read", { cause });
    }
  };
  return {
    async readCommit(id) {
      const { oid, commit } = await read((base) => git.readCommit({ ...base, oid: id }));
      const { author, committer, message, parent } = commit;
      return {
        id: oid,
        message: message.trim().slice(0, 2000),
        author: author.name.slice(0, 200),
        emails: [...new Set([author, committer].map(({ email }) => email.slice(0, 254).toLowerCase()))],
        committedAtMs: committer.timestamp * 1000,
        parents: parent,
      };
    },
    async readTree(oid) {
      const { tree } = await read((base) => git.readTree({ ...base, oid }));
      return tree.map(checkEntry);
    },
    async readBlob(oid, maxBytes) {
      const { blob } = await read((base) => git.readBlob({ ...base, oid }));
      if (blob.length <= maxBytes) return blob;
      throw new DroverError("input_too_large", `the file has ${blob.length} bytes, more than the limit of ${maxBytes}`);
    },
    async readRaw(oid) {
      const { type, object } = await read((base) => git.readObject({ ...base, oid, format: "content" }));
      if (object instanceof Uint8Array) return { type: type ?? "", bytes: object };
      throw new DroverError("source_unreachable", "an object of the repository cannot be read");
    },
    async has(oid) {
      try {
        await git.readObject({ fs, gitdir: folder, cache, oid, format: "deflated" });
        return true;
      } catch {
        return false;
      }
    },
    get cache() {
      return cache;
    },
    forgetPacks() {
      cache = {};
    },
  };
}

function checkEntry({ path, oid, mode: digits }: git.TreeEntry): TreeItem {
  if (unsafeName.test(path)) {
    throw new DroverError("document_invalid", `a file may not be called ${JSON.stringify(path.slice(0, 80))}`);
  }
  const mode = modes[digits.padStart(6, "0")];
  if (mode !== undefined) return { name: path, oid, mode };
  throw new DroverError("document_invalid", `${path} has the unknown mode ${digits}`);
}

function unsafe(cause?: unknown): DroverError {
  const message = "a folder of the repository has an entry whose name leads out of it";
  return new DroverError("document_invalid", message, { cause });
}
