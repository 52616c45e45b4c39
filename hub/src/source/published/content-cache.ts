import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { digestOf, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

/** Fetched archives by digest, and small notes by name, on disk: what was used longest ago goes first. */
export interface ContentCache {
  /** Throws `blob_missing`, and `blob_corrupt` for what is not what was put there; that is deleted. */
  read(digest: Digest): Promise<Uint8Array>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
  readNote(name: string): Promise<unknown>;
  writeNote(name: string, note: unknown): Promise<void>;
}

export interface ContentCacheOptions {
  readonly folder: string;
  /** Default: 2 GiB. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 2 * 1024 ** 3;
const maxNotes = 10_000;

export function createContentCache({ folder, maxBytes = defaultMaxBytes }: ContentCacheOptions): ContentCache {
  const archives = join(folder, "archives");
  const notes = join(folder, "notes");
  const pathOf = (digest: Digest): string => join(archives, digest.replace("sha256:", ""));
  const noteOf = (name: string): string => join(notes, `${digestOf(name).replace("sha256:", "")}.json`);
  return {
    async read(digest) {
      const path = pathOf(digest);
      const bytes = await readFile(path).catch(() => undefined);
      if (bytes === undefined) throw new DroverError("blob_missing", `${digest} is not in the cache of packages`);
      if (digestOf(bytes) === digest) {
        await touch(path);
        return bytes;
      }
      await rm(path, { force: true });
      throw new DroverError("blob_corrupt", `${digest} was damaged on disk; it is fetched again`);
    },
    async write(digest, bytes) {
      await replace(archives, pathOf(digest), bytes);
      await trim(archives, { maxBytes, maxFiles: Number.POSITIVE_INFINITY });
    },
    async readNote(name) {
      try {
        return JSON.parse(await readFile(noteOf(name), "utf8"));
      } catch {
        return undefined;
      }
    },
    async writeNote(name, note) {
      await replace(notes, noteOf(name), new TextEncoder().encode(JSON.stringify(note)));
      await trim(notes, { maxBytes, maxFiles: maxNotes });
    },
  };
}

let writes = 0;

/** What is read is whole, or not there. Each writes to a file of its own first: several may bring the same. */
async function replace(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  writes += 1;
  const part = `${path}.${writes}.part`;
  await mkdir(folder, { recursive: true });
  await writeFile(part, bytes);
  await rename(part, path);
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function trim(folder: string, bounds: { readonly maxBytes: number; readonly maxFiles: number }): Promise<void> {
  const files = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      const { size = 0, mtimeMs = 0 } = (await stat(path).catch(() => undefined)) ?? {};
      return { path, size, mtimeMs };
    }),
  );
  let [bytes, count] = [0, 0];
  for (const { path, size } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    bytes += size;
    count += 1;
    // The newest stays, whatever its size.
    if (count > 1 && (bytes > bounds.maxBytes || count > bounds.maxFiles)) await rm(path, { force: true });
  }
}
