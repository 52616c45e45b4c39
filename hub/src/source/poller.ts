import type { Clock } from "@drover/shared/clock";
import { spread, type Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";
import { untilAborted } from "@drover/shared/until-aborted";

import { parseAddress } from "./git/address.ts";
import { HintBudget } from "./hint-budget.ts";
import { watchRepository } from "./watch-repository.ts";

export interface PolledSource {
  readonly name: string;
  readonly url: string;
  readonly intervalMs: number;
}

export interface PollerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The source is to be fetched now. Called often rather than once too little. */
  readonly onDue: (name: string) => void;
}

/** Says when to look at which source. */
export interface Poller extends Service {
  /** Replaces the set of sources; a new or changed one is due at once. */
  watch(sources: readonly PolledSource[]): void;
  /** Due now: a person asked. */
  hint(name: string): void;
  /** A webhook says that there may be news: due as soon as the source's budget of hints lets it. */
  webhook(name: string): void;
  /** How the last fetch went: every failure in a row doubles the interval, up to 10 min. */
  fetched(name: string, ok: boolean): void;
}

const maxIntervalMs = 600_000;
const jitter = 0.2;

/** Polls with jitter, so that many sources do not come at once, and watches repositories on this machine. */
export function createPoller(options: PollerOptions): Poller {
  return new SourcePoller(options);
}

interface Polled {
  readonly source: PolledSource;
  readonly stop: AbortController;
  readonly hints: HintBudget;
  failures: number;
  /** Ends the wait for the next poll, for another one to begin. */
  timer: AbortController;
}

class SourcePoller implements Poller {
  readonly name = "poller";
  readonly #options: PollerOptions;
  readonly #polled = new Map<string, Polled>();
  #running: AbortSignal | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  watch(sources: readonly PolledSource[]): void {
    const wanted = new Map(sources.map((source) => [source.name, source]));
    for (const [name, { source, stop }] of this.#polled) {
      const next = wanted.get(name);
      if (next !== undefined && next.url === source.url && next.intervalMs === source.intervalMs) wanted.delete(name);
      else {
        stop.abort();
        this.#polled.delete(name);
      }
    }
    for (const source of wanted.values()) {
      const polled = {
        source,
        stop: new AbortController(),
        hints: new HintBudget(),
        failures: 0,
        timer: new AbortController(),
      };
      this.#polled.set(source.name, polled);
      if (this.#running !== undefined) this.#begin(polled, this.#running);
    }
  }

  hint(name: string): void {
    const polled = this.#polled.get(name);
    if (polled === undefined) return;
    this.#options.onDue(name);
    this.#schedule(polled);
  }

  webhook(name: string): void {
    const polled = this.#polled.get(name);
    const { clock } = this.#options;
    if (polled === undefined || this.#running === undefined) return;
    const waitMs = polled.hints.next(clock.now());
    if (waitMs === 0) this.hint(name);
    if (waitMs === undefined || waitMs === 0) return;
    const signal = AbortSignal.any([this.#running, polled.stop.signal]);
    clock.sleep(waitMs, signal).then(
      () => this.hint(name),
      () => undefined,
    );
  }

  fetched(name: string, ok: boolean): void {
    const polled = this.#polled.get(name);
    if (polled === undefined) return;
    polled.failures = ok ? 0 : polled.failures + 1;
    this.#schedule(polled);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#running = signal;
    for (const polled of this.#polled.values()) this.#begin(polled, signal);
    await untilAborted(signal);
    this.#running = undefined;
    for (const { stop } of this.#polled.values()) stop.abort();
  }

  #begin(polled: Polled, running: AbortSignal): void {
    const { source, stop } = polled;
    const { clock, onDue } = this.#options;
    onDue(source.name);
    this.#schedule(polled);
    const path = localPath(source.url);
    if (path === undefined) return;
    const signal = AbortSignal.any([running, stop.signal]);
    const watch = watchRepository({ path, clock, changed: () => onDue(source.name) }, signal);
    // Ends only by its signal; polling goes on whatever happens to it.
    watch.catch(() => undefined);
  }

  #schedule(polled: Polled): void {
    polled.timer.abort();
    const running = this.#running;
    if (running === undefined) return;
    const timer = new AbortController();
    polled.timer = timer;
    const { clock, random, onDue } = this.#options;
    const { source, failures } = polled;
    const stretched = Math.min(
      source.intervalMs * 2 ** Math.min(failures, 20),
      Math.max(maxIntervalMs, source.intervalMs),
    );
    const signal = AbortSignal.any([running, polled.stop.signal, timer.signal]);
    clock.sleep(spread(stretched, jitter, random), signal).then(
      () => {
        onDue(source.name);
        this.#schedule(polled);
      },
      () => undefined,
    );
  }
}

function localPath(url: string): string | undefined {
  try {
    const address = parseAddress({ url });
    return address.kind === "local" ? address.path : undefined;
  } catch {
    return undefined;
  }
}
