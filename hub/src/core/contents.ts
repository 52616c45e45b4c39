import { encodeContents, encodeObject } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { KubeObject } from "@drover/shared/kube/manifest";

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
  readonly #objects = new Map<Digest, KubeObject>();
  readonly #bundles = new Map<Digest, readonly Digest[]>();

  get size(): number {
    return this.#objects.size + this.#bundles.size;
  }

  /** `digest` is that of the object's blob. */
  keepObject(digest: Digest, object: KubeObject): void {
    this.#objects.set(digest, object);
  }

  /** Digest of the bundle with these objects in this order. */
  keepBundle(objects: readonly Digest[]): Digest {
    const { digest } = encodeContents(objects);
    if (!this.#bundles.has(digest)) this.#bundles.set(digest, objects);
    return digest;
  }

  *keys(): Generator<Digest> {
    yield* this.#objects.keys();
    yield* this.#bundles.keys();
  }

  get(digest: Digest): Uint8Array | undefined {
    const object = this.#objects.get(digest);
    if (object !== undefined) return encodeObject(object).bytes;
    const bundle = this.#bundles.get(digest);
    return bundle === undefined ? undefined : encodeContents(bundle).bytes;
  }
}
