import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { digestOf, type Digest } from "@drover/shared/digest";

import { readOptional, replaceFile } from "./file.ts";

/** Blobs on disk, one file each, named by their digests. */
export interface Blobs {
  /** Without those that are there. */
  missing(digests: Iterable<Digest>): readonly Digest[];
  /** undefined when the blob is not there, or what is there is not it any more; it then counts as missing. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Deletes every other blob. */
  retain(digests: ReadonlySet<Digest>): Promise<void>;
}

const prefix = "sha256:";

export async function openBlobs(folder: string): Promise<Blobs> {
  const present = new Set<Digest>();
  const pathOf = (digest: Digest): string => join(folder, digest.slice(prefix.length));
  for (const name of await listNames(folder)) {
    if (/^[0-9a-f]{64}$/u.test(name)) present.add(prefix + name);
    else await rm(join(folder, name), { force: true });
  }
  return {
    missing: (digests) => [...new Set(digests)].filter((digest) => !present.has(digest)),
    async read(digest) {
      const bytes = await readOptional(pathOf(digest));
      // Not written durably: after a power cut a file may be short. It is fetched again then.
      if (bytes !== undefined && digestOf(bytes) === digest) return bytes;
      present.delete(digest);
      return undefined;
    },
    async write(digest, bytes) {
      await replaceFile(pathOf(digest), bytes, { durable: false });
      present.add(digest);
    },
    async retain(digests) {
      for (const digest of present) {
        if (digests.has(digest)) continue;
        present.delete(digest);
        await rm(pathOf(digest), { force: true });
      }
    },
  };
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
