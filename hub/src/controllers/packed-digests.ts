import type { Digest } from "@drover/shared/digest";

const prefix = "sha256:";
const digestBytes = 32;

/** A set of digests in a fourth of the memory that their texts would take. */
export class PackedDigests {
  /** One after the other, in order. */
  readonly #bytes: Buffer;

  constructor(digests: Iterable<Digest>) {
    const sorted = [...new Set(digests)].toSorted();
    this.#bytes = Buffer.allocUnsafe(sorted.length * digestBytes);
    for (const [index, digest] of sorted.entries()) {
      this.#bytes.write(digest.slice(prefix.length), index * digestBytes, "hex");
    }
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  has(digest: Digest): boolean {
    const wanted = Buffer.from(digest.slice(prefix.length), "hex");
    let low = 0;
    let high = this.#bytes.byteLength / digestBytes;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#bytes.compare(wanted, 0, digestBytes, middle * digestBytes, (middle + 1) * digestBytes);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}
