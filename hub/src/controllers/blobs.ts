import { decodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";

import { SizedCache } from "../source/sized-cache.ts";
import type { Store } from "../store/store.ts";
import { PackedDigests } from "./packed-digests.ts";

/** Serves blobs to clusters: each may read what its own targets are made of, and nothing else. */
export interface Blobs {
  read(cluster: string, digest: Digest): Uint8Array | undefined;
}

/** What is kept in memory of the store's blobs. */
export interface BlobCaches {
  /** Of blobs: a commit makes many clusters ask for the same few, which share what one of them has read. */
  readonly blobs?: number;
  /** Of which blobs bundles have: 50 bundles of 20,000 objects, or far more small ones. */
  readonly contents?: number;
}

const mebibyte = 1024 * 1024;
/** What an entry takes besides its bytes. */
const entryBytes = 400;

/** Bounds are in bytes. */
export function createBlobs(
  store: Pick<Store, "blob" | "targetsOn">,
  { blobs: blobBytes = 16 * mebibyte, contents: contentsBytes = 32 * mebibyte }: BlobCaches = {},
): Blobs {
  const cache = new SizedCache<Uint8Array>(blobBytes);
  const contents = new SizedCache<PackedDigests>(contentsBytes);

  const load = (digest: Digest): Uint8Array | undefined => {
    const known = cache.get(digest);
    if (known !== undefined) return known;
    const bytes = store.blob(digest);
    if (bytes !== undefined) cache.set(digest, bytes, bytes.byteLength + entryBytes);
    return bytes;
  };

  const objectsOf = (bundle: Digest): PackedDigests => {
    const known = contents.get(bundle);
    if (known !== undefined) return known;
    const bytes = load(bundle);
    const objects = new PackedDigests(bytes === undefined ? [] : decodeBundle(bundle, bytes).objects);
    contents.set(bundle, objects, objects.byteLength + entryBytes);
    return objects;
  };

  return {
    read(cluster, digest) {
      const bundles = store
        .targetsOn(cluster)
        .filter((record) => record.removal === "")
        .map((record) => record.bundle);
      const may = bundles.some((bundle) => bundle === digest || objectsOf(bundle).has(digest));
      return may ? load(digest) : undefined;
    },
  };
}
