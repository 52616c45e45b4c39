import { systemClock, type Clock } from "./clock.ts";

/** A wall clock that goes back further than this, or ahead further than a machine sleeps, has been set: nobody follows it. */
const furthestBackMs = 5 * 60_000;
const furthestAheadMs = 7 * 24 * 3_600_000;

export interface SteadyClockOptions {
  /** Milliseconds since the Unix epoch, as the machine has them. Default: those of the process. */
  readonly wall?: () => number;
  /** Milliseconds since any moment, which nobody sets. */
  readonly monotonic?: () => number;
  /** The machine's clock has jumped by so many ms and is not followed any more; 0 = it is again. */
  readonly jumped: (byMs: number) => void;
}

export interface SteadyClock extends Clock {
  /** It is known from others that it is so late already: a machine that says otherwise is not followed. */
  notBefore(ms: number): void;
}

/**
 * The time of a process (R22). It follows the machine's clock, and never goes back: what has ended stays ended. Small
 * corrections are taken at once or, backwards, at half speed. A jump is left alone until the process is started anew, so
 * that nothing expires or is put off by what is no time at all.
 */
export function createSteadyClock({
  wall = Date.now,
  monotonic = monotonicNow,
  jumped,
}: SteadyClockOptions): SteadyClock {
  let timeMs = wall();
  let atMs = monotonic();
  let isFollowed = true;
  const now = (): number => {
    const readMs = monotonic();
    const passedMs = Math.max(0, readMs - atMs);
    const offMs = wall() - (timeMs + passedMs);
    const wasFollowed = isFollowed;
    isFollowed = offMs >= -furthestBackMs && offMs <= furthestAheadMs;
    const correctionMs = isFollowed ? Math.max(offMs, -passedMs / 2) : 0;
    timeMs += passedMs + correctionMs;
    atMs = readMs;
    if (isFollowed !== wasFollowed) jumped(isFollowed ? 0 : Math.round(offMs));
    return Math.floor(timeMs);
  };
  const notBefore = (ms: number): void => {
    timeMs = Math.max(now(), ms);
  };
  return { now, notBefore, sleep: systemClock.sleep };
}

function monotonicNow(): number {
  return performance.now();
}
