/** Finds where the first flush packet of Git's packet lines ends, over chunks of any size. */
export class FlushScanner {
  #header = "";
  #left = 0;

  /** The place behind the flush; -1 when this chunk has none. Throws a RangeError for what are no packet lines. */
  scan(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
      } else {
        this.#header += String.fromCodePoint(chunk[at] ?? 0);
        at += 1;
        if (this.#header === "0000") return at;
        if (this.#header.length === 4) this.#beginLine();
      }
    }
    return -1;
  }

  #beginLine(): void {
    const length = /^[0-9a-f]{4}$/iu.test(this.#header) ? Number.parseInt(this.#header, 16) : 0;
    if (length < 4) throw new RangeError("no packet line");
    this.#left = length - 4;
    this.#header = "";
  }
}
