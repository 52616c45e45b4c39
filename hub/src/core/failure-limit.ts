export interface FailureBounds {
  readonly failures: number;
  readonly withinMs: number;
  readonly maxKeys?: number;
}

/** Counts together what there is no room for. */
const everyoneElse = "";

/**
 * Allows so many failures to each key. What is remembered cannot be flushed by failing under many keys: once it is full
 * of recent failures, all further keys are counted as one.
 */
export class FailureLimit {
  /** Those that failed last come last. */
  readonly #failures = new Map<string, readonly number[]>();
  readonly #bounds: Required<FailureBounds>;

  constructor(bounds: FailureBounds) {
    this.#bounds = { maxKeys: 10_000, ...bounds };
  }

  /** Whether the key has failures left. */
  allows(key: string, now: number): boolean {
    return this.#recent(this.#place(key, now), now).length < this.#bounds.failures;
  }

  failed(key: string, now: number): void {
    const place = this.#place(key, now);
    const recent = this.#recent(place, now);
    this.#failures.delete(place);
    this.#failures.set(place, [...recent, now].slice(-this.#bounds.failures));
  }

  #place(key: string, now: number): string {
    for (const known of this.#failures.keys()) {
      if (this.#recent(known, now).length > 0) break;
      this.#failures.delete(known);
    }
    return this.#failures.has(key) || this.#failures.size < this.#bounds.maxKeys ? key : everyoneElse;
  }

  #recent(key: string, now: number): readonly number[] {
    return (this.#failures.get(key) ?? []).filter((at) => now - at < this.#bounds.withinMs);
  }
}
