/** Allows so many failures a minute to each key, forgetting the least recent key above `maxKeys`. */
export class FailureLimit {
  readonly #failures = new Map<string, readonly number[]>();
  readonly #perMinute: number;
  readonly #maxKeys: number;

  constructor(perMinute: number, maxKeys = 10_000) {
    this.#perMinute = perMinute;
    this.#maxKeys = maxKeys;
  }

  /** Whether the key has failures left. */
  allows(key: string, now: number): boolean {
    return this.#recent(key, now).length < this.#perMinute;
  }

  failed(key: string, now: number): void {
    const recent = this.#recent(key, now);
    this.#failures.delete(key);
    this.#failures.set(key, [...recent.slice(1 - this.#perMinute), now]);
    if (this.#failures.size <= this.#maxKeys) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }

  #recent(key: string, now: number): readonly number[] {
    return (this.#failures.get(key) ?? []).filter((at) => now - at < 60_000);
  }
}
