import type { Clock } from "./clock.ts";
import { DroverError, retryable } from "./errors.ts";
import type { Logger } from "./log.ts";
import { backoffMs, type Backoff, type Random } from "./retry.ts";
import type { Service } from "./service.ts";

/** What a reconcile came to. Throwing is the third outcome: back-off for a retryable code, else stop until enqueued. */
export type Outcome = { readonly kind: "done" } | { readonly kind: "retry"; readonly afterMs: number };

export const done: Outcome = { kind: "done" };

export interface ControllerOptions {
  readonly name: string;
  /** Level-based: reads everything it needs by the key; is never told what changed. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  /** Keys worked on at once; one key is never worked on twice at once. Default 1. */
  readonly concurrency?: number;
  readonly backoff?: Backoff;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Controller extends Service {
  /** Asks for a reconcile of the key; many asks before it starts are one. */
  enqueue(key: string): void;
  /** Keys that wait or run. Zero means that everything known has been worked off (timers excepted). */
  readonly busy: number;
}

const defaultBackoff: Backoff = { baseMs: 250, factor: 2, capMs: 60_000, jitter: 0.2 };

/** The control loop: dedupes, serialises per key, backs off, and never dies of one key's failure. */
export function createController(options: ControllerOptions): Controller {
  return new WorkQueue(options);
}

class WorkQueue implements Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, AbortController>();
  #wake: (() => void) | undefined;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get busy(): number {
    return this.#waiting.size + this.#running.size;
  }

  enqueue(key: string): void {
    this.#timers.get(key)?.abort();
    this.#timers.delete(key);
    this.#waiting.add(key);
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake, { once: true });
    const work = new Set<Promise<void>>();
    while (!signal.aborted) {
      const key = this.#next();
      if (key === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#waiting.delete(key);
      this.#running.add(key);
      const item: Promise<void> = this.#work(key, signal).finally(() => {
        work.delete(item);
        this.#running.delete(key);
        this.#wake?.();
      });
      work.add(item);
    }
    signal.removeEventListener("abort", wake);
    for (const timer of this.#timers.values()) timer.abort();
    await Promise.allSettled(work);
  }

  #next(): string | undefined {
    if (this.#running.size >= (this.#options.concurrency ?? 1)) return undefined;
    for (const key of this.#waiting) if (!this.#running.has(key)) return key;
    return undefined;
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    try {
      const outcome = await this.#options.reconcile(key, signal);
      this.#failures.delete(key);
      if (outcome.kind === "retry") this.#later(key, outcome.afterMs, signal);
    } catch (cause) {
      if (signal.aborted) return;
      this.#failed(key, DroverError.from(cause), signal);
    }
  }

  #failed(key: string, error: DroverError, signal: AbortSignal): void {
    const { log, random, backoff = defaultBackoff } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const fields = { controller: this.name, key, code: error.code, failures: failures + 1, err: error };
    if (!retryable(error.code)) {
      log.warn(fields, "reconcile stopped");
      return;
    }
    const afterMs = backoffMs(backoff, failures, random);
    log[failures < 5 ? "info" : "warn"]({ ...fields, afterMs }, "reconcile will be tried again");
    this.#later(key, afterMs, signal);
  }

  #later(key: string, afterMs: number, signal: AbortSignal): void {
    this.#timers.get(key)?.abort();
    const timer = new AbortController();
    this.#timers.set(key, timer);
    this.#options.clock.sleep(afterMs, AbortSignal.any([signal, timer.signal])).then(
      () => {
        if (this.#timers.get(key) === timer) this.enqueue(key);
      },
      () => undefined,
    );
  }
}
