import { decodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";

import type { Store } from "../store/store.ts";

/** Serves blobs to clusters: each may read what its own targets are made of, and nothing else. */
export interface Blobs {
  read(cluster: string, digest: Digest): Uint8Array | undefined;
}

/** `cacheBytes` bounds what is kept in memory: a commit makes many clusters ask for the same few blobs. */
export function createBlobs(store: Store, cacheBytes = 32 * 1024 * 1024): Blobs {
  const contents = new Map<Digest, ReadonlySet<Digest>>();
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

  const objectsOf = (bundle: Digest): ReadonlySet<Digest> => {
    const known = contents.get(bundle);
    if (known !== undefined) return known;
    const bytes = load(bundle);
    const objects = new Set(bytes === undefined ? [] : decodeBundle(bundle, bytes).objects);
    // Bundles are few and come in order; the oldest is the one least likely to be asked for again.
    if (contents.size >= 1_000) for (const oldest of [...contents.keys()].slice(0, 100)) contents.delete(oldest);
    contents.set(bundle, objects);
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
