import type { BlobSet } from "../core/contents.ts";
import type { Database } from "./database.ts";

/** Writes those that are not there yet, of which alone the bytes are made. Belongs into a transaction. */
export function writeBlobs(database: Database, blobs: BlobSet): void {
  for (const digest of blobs.keys()) {
    const known = database.get("SELECT 1 FROM blobs WHERE digest = ?", digest);
    const bytes = known === undefined ? blobs.get(digest) : undefined;
    if (bytes !== undefined) database.run("INSERT INTO blobs VALUES (?, ?)", digest, bytes);
  }
}
