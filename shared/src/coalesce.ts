/**
 * A queue between a fast writer and a slow reader that keeps only the newest value of each key: its size is bounded by
 * the number of keys, and a reader that falls behind skips states, never the last one.
 */
export class Coalescer<K, V> implements AsyncIterable<V> {
  #pending = new Map<K, V>();
  #wake: (() => void) | undefined;
  #closed = false;

  /** Replaces what waits under `key`; a replaced value keeps its place in the line. */
  put(key: K, value: V): void {
    if (this.#closed) return;
    this.#pending.set(key, value);
    this.#wake?.();
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Ends the iteration after what already waits has been read. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<V, void, undefined> {
    for (;;) {
      for (const [key, value] of this.#pending) {
        this.#pending.delete(key);
        yield value;
      }
      if (this.#pending.size > 0) continue;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
