import type { Blob } from "@drover/shared/bundle";
import { digestOf, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import type { BlobSet } from "../core/contents.ts";
import type { Database } from "./database.ts";
import type { Vault } from "./vault.ts";

/** Each has up to 1.5 MiB. */
const batch = 32;

/** Content by the digest of its clear text, encrypted: objects of Kubernetes may be Secrets. Not kept in memory. */
export class BlobTable {
  readonly #database: Database;
  readonly #vault: Vault;

  constructor(database: Database, vault: Vault) {
    this.#database = database;
    this.#vault = vault;
  }

  /** Throws `blob_corrupt` for what is not what was written. */
  get(digest: Digest): Uint8Array | undefined {
    const stored = this.#database.get("SELECT bytes FROM blobs WHERE digest = ?", digest)?.["bytes"];
    if (!(stored instanceof Uint8Array)) return undefined;
    const bytes = this.#vault.decrypt(stored, placeOf(digest));
    if (bytes !== undefined && digestOf(bytes) === digest) return bytes;
    throw new DroverError("blob_corrupt", `blob ${digest} is damaged in the store`);
  }

  put({ digest, bytes }: Blob): void {
    const encrypted = this.#vault.encrypt(bytes, placeOf(digest));
    this.#database.run("INSERT OR IGNORE INTO blobs VALUES (?, ?)", digest, encrypted);
  }

  /** Only those that are not there are read. */
  write(blobs: BlobSet): void {
    for (const digest of blobs.keys()) {
      const known = this.#database.get("SELECT 1 FROM blobs WHERE digest = ?", digest);
      const bytes = known === undefined ? blobs.get(digest) : undefined;
      if (bytes !== undefined) this.put({ digest, bytes });
    }
  }

  /** Deletes all others; returns how many. */
  retain(needed: ReadonlySet<string>): number {
    const unneeded = this.#digests().filter((digest) => !needed.has(digest));
    this.#database.transaction(() => {
      for (const digest of unneeded) this.#database.run("DELETE FROM blobs WHERE digest = ?", digest);
    });
    return unneeded.length;
  }

  /** Of an earlier version, which did not encrypt. Returns how many. */
  encryptClear(): number {
    const digests = this.#digests();
    for (const digest of digests) {
      const bytes = this.#database.get("SELECT bytes FROM blobs WHERE digest = ?", digest)?.["bytes"];
      if (bytes instanceof Uint8Array) this.#replace(digest, bytes);
    }
    return digests.length;
  }

  /**
   * Encrypts some with the newest data key, in the order of their digests from this one on; returns the last, undefined when
   * there are no more. What is damaged stays so.
   */
  reencrypt(after: string): string | undefined {
    const rows = this.#database.all(
      `SELECT digest, bytes FROM blobs WHERE digest > ? ORDER BY digest LIMIT ${batch}`,
      after,
    );
    this.#database.transaction(() => {
      for (const { digest, bytes } of rows) {
        if (!(bytes instanceof Uint8Array) || this.#vault.isNewest(bytes)) continue;
        const clear = this.#vault.decrypt(bytes, placeOf(String(digest)));
        if (clear !== undefined) this.#replace(String(digest), clear);
      }
    });
    const last = rows.at(-1)?.["digest"];
    return last === undefined ? undefined : String(last);
  }

  #replace(digest: string, bytes: Uint8Array): void {
    const encrypted = this.#vault.encrypt(bytes, placeOf(digest));
    this.#database.run("UPDATE blobs SET bytes = ? WHERE digest = ?", encrypted, digest);
  }

  #digests(): readonly string[] {
    return this.#database.all("SELECT digest FROM blobs").map((row) => String(row["digest"]));
  }
}

function placeOf(digest: string): string {
  return `blobs/${digest}`;
}
