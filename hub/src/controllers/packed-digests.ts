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
    const hex = digest.slice(prefix.length);
    const start = Number.parseInt(hex.slice(0, 8), 16);
    for (let at = this.#firstFrom(start); at < this.#bytes.byteLength; at += digestBytes) {
      if (this.#bytes.readUInt32BE(at) !== start) return false;
      if (this.#bytes.toString("hex", at, at + digestBytes) === hex) return true;
    }
    return false;
  }

  /** Where the first digest is whose first 32 bits are not below. Few share them: the rest is compared only there. */
  #firstFrom(start: number): number {
    let low = 0;
    let high = this.#bytes.byteLength / digestBytes;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bytes.readUInt32BE(middle * digestBytes) < start) low = middle + 1;
      else high = middle;
    }
    return low * digestBytes;
  }
}
