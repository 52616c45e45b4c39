import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

/** A signal that also aborts when the time is over; disposing it leaves nothing behind on the outer signal. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Takes the time limit off; the outer signal goes on counting. */
  lift(): void;
}

export interface Deadlines extends Disposable {
  /** Up to a second later than `ms` the signal aborts with `timeout`. Throws the reason of an outer signal that has aborted. */
  start(ms: number, outer: AbortSignal): Deadline;
}

const tickMs = 1_000;

/** Time limits of many requests by one timer: each costs an entry in a set, which is less than a timer of its own. */
export function createDeadlines(clock: Clock): Deadlines {
  const open = new Map<AbortController, { readonly endsAt: number; readonly ms: number }>();
  const disposed = new AbortController();
  // Counted instead of read: a clock that is set must not end every request.
  let ticks = 0;
  let ticking = false;
  const tick = async (): Promise<void> => {
    ticking = true;
    while (open.size > 0 && !disposed.signal.aborted) {
      await clock.sleep(tickMs, disposed.signal).catch(() => undefined);
      ticks += 1;
      for (const [controller, { endsAt, ms }] of open) {
        if (endsAt > ticks) continue;
        open.delete(controller);
        controller.abort(new DroverError("timeout", `the API server did not answer within ${ms} ms`));
      }
    }
    ticking = false;
  };
  return {
    start(ms, outer) {
      outer.throwIfAborted();
      const controller = new AbortController();
      const abort = (): void => controller.abort(outer.reason);
      outer.addEventListener("abort", abort, { once: true });
      // The first tick may come at once.
      open.set(controller, { endsAt: ticks + 1 + Math.ceil(ms / tickMs), ms });
      if (!ticking) void tick();
      return {
        signal: controller.signal,
        lift: () => void open.delete(controller),
        [Symbol.dispose]() {
          open.delete(controller);
          outer.removeEventListener("abort", abort);
        },
      };
    },
    [Symbol.dispose]: () => disposed.abort(),
  };
}
