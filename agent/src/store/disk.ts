import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** A file of which pieces are read and that only grows. Its methods reject with Node's own errors. */
export interface DiskFile {
  readonly size: number;
  /** Rejects when not all of it could be written; then nothing may be appended any more. */
  append(pieces: readonly Uint8Array[]): Promise<void>;
  /** Fewer bytes than asked for when the file is shorter. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Resolves when everything has reached the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where the agent keeps what it knows. A crash of the process loses nothing that was written; a power cut may lose what
 * was not made durable. What is written is not for other users: bundles may hold secrets.
 */
export interface Disk {
  /** Rejects with `ENOENT` when there is no such file. */
  read(path: string): Promise<Buffer>;
  /** Names in a folder, none when it is not there. */
  list(folder: string): Promise<readonly string[]>;
  /**
   * Replaces a file as a whole: a reader or a crash sees the old or the new content, never a part. With `durable` the new
   * content has reached the disk when this resolves.
   */
  replace(path: string, content: Uint8Array | string, options: { readonly durable: boolean }): Promise<void>;
  /** Also a folder with all that is in it, and what is not there. */
  remove(path: string): Promise<void>;
  /** A new file to append to; rejects when there is one. */
  create(path: string): Promise<DiskFile>;
  open(path: string): Promise<DiskFile>;
}

let drafts = 0;

/** The disk of this machine. */
export const systemDisk: Disk = {
  read: (path) => readFile(path),
  list: (folder) => readdir(folder).catch((): string[] => []),
  async replace(path, content, { durable }) {
    drafts += 1;
    const draft = `${path}.${process.pid}.${drafts}.draft`;
    try {
      await using file = await openIn(dirname(path), () => open(draft, "w", 0o600));
      await file.writeFile(content);
      if (durable) await file.sync();
      await rename(draft, path);
      if (durable) await syncFolder(dirname(path));
    } catch (cause) {
      await rm(draft, { force: true });
      throw cause;
    }
  },
  remove: (path) => rm(path, { force: true, recursive: true }),
  create: async (path) => new SystemFile(await openIn(dirname(path), () => open(path, "wx+", 0o600)), 0),
  async open(path) {
    const file = await open(path, "r");
    return new SystemFile(file, (await file.stat()).size);
  },
};

class SystemFile implements DiskFile {
  readonly #file: FileHandle;
  #size: number;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const { bytesWritten } = await this.#file.writev(pieces, this.#size);
    if (bytesWritten !== length) throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
    this.#size += length;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Makes the folder when it is not there. */
async function openIn(folder: string, attempt: () => Promise<FileHandle>): Promise<FileHandle> {
  try {
    return await attempt();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return attempt();
  }
}

/** A rename is on the disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
