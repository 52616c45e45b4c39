import { decodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";

import type { Store } from "../store/store.ts";
import { PackedDigests } from "./packed-digests.ts";

/** Serves blobs to clusters: each may read what its own targets are made of, and nothing else. */
export interface Blobs {
  read(cluster: string, digest: Digest): Uint8Array | undefined;
}

/** What of 100 bundles of 20,000 objects, or of far more small ones, says which blobs they have. */
const maxContentsBytes = 64 * 1024 * 1024;
/** What a bundle takes here besides its digests. */
const entryBytes = 400;

/** `cacheBytes` bounds what is kept in memory: a commit makes many clusters ask for the same few blobs. */
export function createBlobs(store: Store, cacheBytes = 32 * 1024 * 1024): Blobs {
  const contents = new Map<Digest, PackedDigests>();
  let contentsBytes = 0;
  const cache = new Map<Digest, Uint8Array>();
  let cachedBytes = 0;

  const load = (digest: Digest): Uint8Array | undefined => {
    const known = cache.get(digest);
    if (known !== undefined) return known;
    const bytes = store.blob(digest);
    if (bytes === undefined) return undefined;
    cache.set(digest, bytes);
    cachedBytes += bytes.byteLength;
    for (const [oldest, old] of cache) {
      if (cachedBytes <= cacheBytes || oldest === digest) break;
      cache.delete(oldest);
      cachedBytes -= old.byteLength;
    }
    return bytes;
  };

  const objectsOf = (bundle: Digest): PackedDigests => {
    const known = contents.get(bundle);
    if (known !== undefined) return known;
    const bytes = load(bundle);
    const objects = new PackedDigests(bytes === undefined ? [] : decodeBundle(bundle, bytes).objects);
    contents.set(bundle, objects);
    contentsBytes += objects.byteLength + entryBytes;
    // They come in order; the oldest is the one least likely to be asked for again.
    for (const [oldest, old] of contents) {
      if (contentsBytes <= maxContentsBytes || oldest === bundle) break;
      contents.delete(oldest);
      contentsBytes -= old.byteLength + entryBytes;
    }
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
