import type { Clock as ClusterClock } from "@drover/cluster/clock";
import type { Clock } from "@drover/shared/clock";

/** When every simulation begins. */
export const startMs = Date.UTC(2026, 0, 1);

/** One run of a process: nothing that it waits for ever comes once it is over. */
export interface Life {
  readonly name: string;
  /** Counts the lives of all processes. */
  readonly number: number;
  alive: boolean;
  /** Aborts when the whole world ends, and never before: a process that is killed is not told. */
  readonly stop: AbortController;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly what: string;
  readonly happen: (() => void) | undefined;
  canceled: boolean;
}

/**
 * Virtual time. Everything that is outside of the code under test (time, network, disk, API servers, Git, people) is an
 * event in one queue; between two events every continuation that is due runs to its end. What happens is therefore one
 * sequence, which the seed decides.
 */
export class Time {
  now = startMs;
  /** How many events have happened. */
  events = 0;
  readonly #queue: Due[] = [];
  #order = 0;
  readonly #trace: string[] = [];

  /** Has something happen later. `what` is part of the trace. */
  schedule(delayMs: number, what: string, happen: () => void): () => void {
    const due: Due = { at: this.now + Math.max(0, delayMs), order: (this.#order += 1), what, happen, canceled: false };
    this.#push(due);
    return () => {
      due.canceled = true;
    };
  }

  /** Runs what happens until then; `after` is called after every event. */
  async run(untilMs: number, after: () => void): Promise<void> {
    await settle();
    for (let due = this.#queue[0]; due !== undefined && due.at <= untilMs; due = this.#queue[0]) {
      this.#pop();
      if (due.canceled) continue;
      this.now = Math.max(this.now, due.at);
      this.events += 1;
      this.note(due.what);
      due.happen?.();
      await settle();
      after();
    }
    this.now = Math.max(this.now, untilMs);
  }

  /** Adds to what two runs of one seed are compared by. */
  note(text: string): void {
    this.#trace.push(`${this.now - startMs} ${text}`);
  }

  /** Everything that has happened so far, a line each. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** The clock of one life of a process; `skewMs` is by how much it is ahead. */
  clockOf(life: Life, skewMs = 0): Clock {
    return {
      now: () => this.now + skewMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const give = (): void => {
            cancel();
            if (life.alive) reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
          };
          if (signal.aborted) {
            reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
            return;
          }
          const cancel = this.schedule(ms, life.name, () => {
            signal.removeEventListener("abort", give);
            if (life.alive) resolve();
          });
          signal.addEventListener("abort", give, { once: true });
        }),
    };
  }

  /** The clock of an embedded cluster. */
  clusterClock(name: string): ClusterClock {
    return {
      now: () => this.now,
      schedule: (callback, delayMs) => this.schedule(delayMs, name, callback),
      soon: (callback) => this.schedule(0, name, callback),
    };
  }

  #push(due: Due): void {
    const queue = this.#queue;
    let at = queue.length;
    queue.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = queue[parent];
      if (above === undefined || !isBefore(due, above)) break;
      queue[at] = above;
      at = parent;
    }
    queue[at] = due;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop();
    if (last === undefined || queue.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [queue[2 * at + 1], queue[2 * at + 2]];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      queue[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    queue[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Every promise continuation that is due runs before an immediate does. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Runs what is never told to stop: a process that is killed just does not go on. */
export async function runForever(
  service: { readonly run: (signal: AbortSignal) => Promise<void> },
  life: Life,
  died: (why: string) => void,
): Promise<void> {
  try {
    await service.run(life.stop.signal);
    if (life.alive) died("it returned");
  } catch (cause) {
    if (life.alive) died(cause instanceof Error ? (cause.stack ?? cause.message) : "it failed");
  }
}
