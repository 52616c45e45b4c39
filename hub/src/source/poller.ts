import type { Clock } from "@drover/shared/clock";
import type { Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

export interface PolledSource {
  readonly name: string;
  readonly url: string;
  readonly intervalMs: number;
}

export interface PollerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The source is to be fetched now. */
  readonly onDue: (name: string) => void;
}

/** Says when to look at which source. */
export interface Poller extends Service {
  /** Replaces the set of sources; a new one is due at once. */
  watch(sources: readonly PolledSource[]): void;
  /** Due now: a webhook, or a person, asked. */
  hint(name: string): void;
  /** How the last fetch went: failures stretch the interval up to 10 min. */
  fetched(name: string, ok: boolean): void;
}

export function createPoller(options: PollerOptions): Poller {
  void options;
  return {
    name: "poller",
    watch: () => undefined,
    hint: () => undefined,
    fetched: () => undefined,
    run: () => Promise.resolve(),
  };
}
