import { decodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";

import { SizedCache } from "../source/sized-cache.ts";
import type { Store } from "../store/store.ts";
import { PackedDigests } from "./packed-digests.ts";

/** Serves blobs to clusters: each may read what its own targets are made of, and nothing else. */
export interface Blobs {
  read(cluster: string, digest: Digest): Uint8Array | undefined;
  /** A bundle's own blob and those of its objects that another bundle has not; none when they are more than `maxBytes`. */
  added(from: Digest, to: Digest, maxBytes: number): ReadonlyMap<Digest, Uint8Array>;
}

/** What is kept in memory of the store's blobs. */
export interface BlobCaches {
  /** Of blobs: a commit makes many clusters ask for the same few, which share what one of them has read. */
  readonly blobs?: number;
  /** Of which blobs bundles have: 50 bundles of 20,000 objects, or far more small ones. */
  readonly contents?: number;
  /** Of what bundles have beside others: a commit makes many clusters go from one to the same next. */
  readonly added?: number;
}

const mebibyte = 1024 * 1024;
/** What an entry takes besides its bytes. */
const entryBytes = 400;

/** Bounds are in bytes. */
export function createBlobs(
  store: Pick<Store, "blob" | "targetsOn">,
  {
    blobs: blobBytes = 16 * mebibyte,
    contents: contentsBytes = 32 * mebibyte,
    added: addedBytes = 4 * mebibyte,
  }: BlobCaches = {},
): Blobs {
  const cache = new SizedCache<Uint8Array>(blobBytes);
  const contents = new SizedCache<PackedDigests>(contentsBytes);
  const added = new SizedCache<ReadonlyMap<Digest, Uint8Array>>(addedBytes);

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
    added(from, to, maxBytes) {
      const key = `${from} ${to}`;
      const known = added.get(key);
      if (known !== undefined) return known;
      const found =
        attempt(() => readAdded({ load, objectsOf }, { from, to, maxBytes })) ?? new Map<Digest, Uint8Array>();
      added.set(
        key,
        found,
        [...found.values()].reduce((size, { byteLength }) => size + byteLength, entryBytes),
      );
      return found;
    },
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

interface Readers {
  readonly load: (digest: Digest) => Uint8Array | undefined;
  readonly objectsOf: (bundle: Digest) => PackedDigests;
}

function readAdded(
  { load, objectsOf }: Readers,
  { from, to, maxBytes }: { readonly from: Digest; readonly to: Digest; readonly maxBytes: number },
): ReadonlyMap<Digest, Uint8Array> {
  const found = new Map<Digest, Uint8Array>();
  const own = load(to);
  if (own === undefined || own.byteLength > maxBytes) return found;
  const before = objectsOf(from);
  let left = maxBytes;
  for (const digest of [to, ...decodeBundle(to, own).objects.filter((object) => !before.has(object))]) {
    const bytes = load(digest);
    left -= bytes?.byteLength ?? maxBytes;
    if (bytes === undefined || left < 0) return new Map();
    found.set(digest, bytes);
  }
  return found;
}

/** A blob that is damaged is told to who asks for it. */
function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
