/** Time as the cluster sees it. Delays of workloads, bookmarks and watch timeouts all run on it. */
export type Clock = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back once after the delay; the returned function cancels. Must not keep the process alive. */
  readonly schedule: (callback: () => void, delayMs: number) => () => void;
  /** Calls back once, without any time passing, after what is under way now. */
  readonly soon: (callback: () => void) => () => void;
};

function afterThisTurn(callback: () => void): () => void {
  const immediate = setImmediate(callback);
  return () => {
    clearImmediate(immediate);
  };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  soon: afterThisTurn,
  schedule: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** RFC 3339 with seconds, the resolution of Kubernetes' metav1.Time. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
}

export type ManualClock = Clock & {
  /** Moves time on, running what falls due in order of its time. */
  readonly advance: (milliseconds: number) => void;
};

/** A clock that moves only when told to: the deterministic one for tests. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  type Timer = { readonly at: number; readonly order: number; readonly callback: () => void };
  let nowMs = startMs;
  let order = 0;
  const timers = new Set<Timer>();
  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
  return {
    now: () => nowMs,
    soon: afterThisTurn,
    schedule: (callback, delayMs) => {
      const timer = { at: nowMs + delayMs, order: (order += 1), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: (milliseconds) => {
      const until = nowMs + milliseconds;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        nowMs = timer.at;
        timer.callback();
      }
      nowMs = until;
    },
  };
}
