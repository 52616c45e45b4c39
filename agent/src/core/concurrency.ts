/**
 * How many writes may be under way at once, and when the next request may be sent: additive increase, multiplicative
 * decrease, by what the API server says and how long it takes. Mutable, since it is told of every request.
 */
export interface Concurrency {
  /** Writes that may be under way at once. */
  limit: number;
  /** No request before this time; ms since the epoch. */
  pausedUntilMs: number;
  /** When the limit was halved last: what was sent before then tells nothing new. */
  halvedAtMs: number;
  /** Times of the requests that went through since the limit changed, in ms. */
  tookMs: number[];
  /** The 99th percentile of a calm window; 0 = none yet. */
  baselineMs: number;
  /** Requests that may be sent at once, of a server that does not share itself out; refilled with time. */
  tokens: number;
  refilledAtMs: number;
  /** The server shares itself out among its clients (API priority and fairness), so it needs no limit of rate here. */
  flowControlled: boolean;
}

/** What came of one request. */
export interface Finished {
  readonly sentAtMs: number;
  readonly nowMs: number;
  readonly outcome: "done" | "failed" | "slow-down";
  /** From `Retry-After`. */
  readonly retryAfterMs?: number;
  /** undefined when nobody answered. */
  readonly flowControlled?: boolean | undefined;
}

export const startLimit = 8;
export const minLimit = 4;
export const maxLimit = 16;
/** Answers that a change of the limit waits for. */
export const windowSize = 200;
/** Slower than this times the baseline is too slow. */
const tooSlow = 5;
/** A server this fast is never too slow: what it takes is noise of this machine. */
const shortestBaselineMs = 10;
/** The baseline follows a server that has become slower for good, in dozens of windows. */
const creep = 1.02;
/** A 429 without `Retry-After` asks for a second, as the API server's own do. */
const defaultPauseMs = 1_000;
/** A server that asks for more may be wrong, and drift would wait that long. */
const longestPauseMs = 300_000;
/** Requests a second and at once, where the server does not share itself out. */
const perSecond = 50;
const burst = 300;

export function createConcurrency(nowMs: number): Concurrency {
  return {
    limit: startLimit,
    pausedUntilMs: nowMs,
    halvedAtMs: Number.NEGATIVE_INFINITY,
    tookMs: [],
    baselineMs: 0,
    tokens: burst,
    refilledAtMs: nowMs,
    flowControlled: false,
  };
}

/** Takes the right to send one request: how long to wait before sending it, in ms. */
export function take(state: Concurrency, nowMs: number): number {
  const pauseMs = Math.max(0, state.pausedUntilMs - nowMs);
  if (state.flowControlled) return pauseMs;
  const earnedMs = Math.max(0, nowMs - state.refilledAtMs);
  state.tokens = Math.min(burst, state.tokens + (earnedMs * perSecond) / 1000) - 1;
  state.refilledAtMs = nowMs;
  return Math.max(pauseMs, (-state.tokens * 1000) / perSecond);
}

export function finish(state: Concurrency, finished: Finished): void {
  const { sentAtMs, nowMs, outcome, retryAfterMs, flowControlled } = finished;
  state.flowControlled = flowControlled ?? state.flowControlled;
  if (outcome === "slow-down") {
    const pauseMs = Math.min(longestPauseMs, retryAfterMs ?? defaultPauseMs);
    state.pausedUntilMs = Math.max(state.pausedUntilMs, nowMs + pauseMs);
    // All that were under way are told the same; that is one reason to halve, not as many as there were.
    if (sentAtMs >= state.halvedAtMs) halve(state, nowMs);
    return;
  }
  if (outcome === "failed" || sentAtMs < state.halvedAtMs) return;
  if (state.tookMs.push(nowMs - sentAtMs) < windowSize) return;
  const p99 = state.tookMs.toSorted((a, b) => a - b)[Math.floor(windowSize * 0.99) - 1] ?? 0;
  if (state.baselineMs > 0 && p99 > tooSlow * state.baselineMs) {
    state.baselineMs *= creep;
    halve(state, nowMs);
    return;
  }
  const calm = Math.max(shortestBaselineMs, p99);
  state.baselineMs = state.baselineMs === 0 ? calm : Math.min(state.baselineMs * creep, calm);
  state.limit = Math.min(maxLimit, state.limit + 1);
  state.tookMs.length = 0;
}

function halve(state: Concurrency, nowMs: number): void {
  state.limit = Math.max(minLimit, Math.floor(state.limit / 2));
  state.halvedAtMs = nowMs;
  state.tookMs.length = 0;
}
