import { digestOfContents, encodeContents, encodeObject } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { Manifest } from "@drover/shared/kube/manifest";

/** Blobs by digest; a Map is one too. */
export interface BlobSet {
  readonly size: number;
  keys(): Iterable<Digest>;
  get(digest: Digest): Uint8Array | undefined;
}

/**
 * What bundles consist of. Bytes are made when they are asked for: a store asks only for what it lacks, and the objects
 * of a large application are not to be in memory twice.
 */
export class Contents implements BlobSet {
  readonly #objects = new Map<Digest, Pick<Manifest, "object">>();
  readonly #bundles = new Map<Digest, readonly Digest[]>();

  get size(): number {
    return this.#objects.size + this.#bundles.size;
  }

  /** `digest` is that of the object's blob. */
  keepObject(digest: Digest, manifest: Pick<Manifest, "object">): void {
    this.#objects.set(digest, manifest);
  }

  /** Digest of the bundle with these objects in this order. */
  keepBundle(objects: readonly Digest[]): Digest {
    const digest = digestOfContents(objects);
    if (!this.#bundles.has(digest)) this.#bundles.set(digest, objects);
    return digest;
  }

  *keys(): Generator<Digest> {
    yield* this.#objects.keys();
    yield* this.#bundles.keys();
  }

  get(digest: Digest): Uint8Array | undefined {
    const manifest = this.#objects.get(digest);
    if (manifest !== undefined) return encodeObject(manifest.object).bytes;
    const bundle = this.#bundles.get(digest);
    return bundle === undefined ? undefined : encodeContents(bundle).bytes;
  }
}
