/** Exponential back-off: `baseMs × factor^attempt`, at most `capMs`, spread by `jitter` (0.2 = ±20 %). */
export interface Backoff {
  readonly baseMs: number;
  readonly factor: number;
  readonly capMs: number;
  readonly jitter: number;
}

export type Random = () => number;

/** The wait before try number `attempt` (0 = the first retry). `random` yields numbers in [0, 1). */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  const raw = Math.min(backoff.capMs, backoff.baseMs * backoff.factor ** Math.min(attempt, 64));
  return Math.round(spread(raw, backoff.jitter, random));
}

/** A value spread evenly over `ms ± jitter`. */
export function spread(ms: number, jitter: number, random: Random): number {
  return ms * (1 - jitter + 2 * jitter * random());
}
