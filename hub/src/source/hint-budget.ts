/** Hints that are followed at once, as long as there is a gap between them. */
const burst = 5;
const gapMs = 1000;
/** What a flood that does not end is slowed down to. */
const refillMs = 10_000;

/**
 * How often hints make us look at one source: five times with a second between them, then every 10 s. A hint is never
 * lost: it waits for the next look, and all that come until then are told by that one look.
 */
export class HintBudget {
  /** When the newest look was or will be. */
  #lookMs = Number.NEGATIVE_INFINITY;
  /** When the whole burst will be there again. */
  #fullMs = Number.NEGATIVE_INFINITY;

  /** In how many ms to look because of a hint that has come now; undefined when a look is planned already. */
  next(nowMs: number): number | undefined {
    if (nowMs < this.#lookMs) {
      // No look is planned further ahead than a refill: the clock was set back.
      if (this.#lookMs - nowMs <= refillMs) return undefined;
      this.#fullMs = nowMs;
      this.#lookMs = nowMs - gapMs;
    }
    const at = Math.max(nowMs, this.#lookMs + gapMs, this.#fullMs - (burst - 1) * refillMs);
    this.#fullMs = Math.max(this.#fullMs, at) + refillMs;
    this.#lookMs = at;
    return at - nowMs;
  }
}
