import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Beat, Signed } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { Audience } from "../core/acceptance.ts";
import { doubtOf, isFresh } from "../core/freshness.ts";
import type { Acceptance } from "./acceptance.ts";
import { untilWoken } from "./wait.ts";

/** Whether the hub has said lately that what the agent goes by is the newest. Without that it deletes nothing. */
export interface Freshness extends Service {
  /** Takes a beat when everything that came before it was taken. */
  heard(signed: Signed): Promise<void>;
  /** Takes what was verified already: an envelope that was accepted says as much as a beat. */
  confirm(beat: Beat): void;
  /** Whether a beat counts now; always, when the hub sends none. */
  readonly fresh: boolean;
  /** Since when none does, as soon as that is worth telling, in ms since the epoch; 0 = one does. */
  readonly staleSinceMs: number;
}

export interface FreshnessOptions {
  readonly acceptance: Pick<Acceptance, "epoch" | "generation" | "freshForMs" | "floorMs" | "settled">;
  readonly audience: () => Audience;
  /** Throws `signature_invalid` or `document_invalid`. */
  readonly verify: (signed: Signed) => Beat;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when beats begin or cease to count. */
  readonly changed: () => void;
}

/** How late it may be noticed that beats have stopped; deletions ask for themselves. */
const lookMs = 5_000;

export function createFreshness(options: FreshnessOptions): Freshness {
  const { acceptance, clock, log } = options;
  const startedAtMs = clock.now();
  let heard = { atMs: Number.NEGATIVE_INFINITY, sentAtMs: Number.NEGATIVE_INFINITY };
  let told: { readonly fresh: boolean; readonly stale: boolean } | undefined;
  let doubt = "";
  const isNowFresh = (): boolean => {
    const { freshForMs } = acceptance;
    return freshForMs === 0 || isFresh(heard.atMs, clock.now(), freshForMs);
  };
  /** Right after a start it is only not known yet. */
  const staleSince = (): number => {
    const sinceMs = heard.atMs === Number.NEGATIVE_INFINITY ? startedAtMs : heard.atMs;
    return isNowFresh() || isFresh(sinceMs, clock.now(), acceptance.freshForMs) ? 0 : sinceMs;
  };
  const look = (): void => {
    const now = { fresh: isNowFresh(), stale: staleSince() !== 0 };
    const before = told ?? now;
    told = now;
    if (now.stale && !before.stale)
      log.warn({ doubt }, "no beat of the hub counts: objects are healed, none is deleted");
    if (!now.stale && before.stale) log.info({}, "beats of the hub count again");
    if (now.fresh !== before.fresh || now.stale !== before.stale) options.changed();
  };
  const take = (beat: Beat): void => {
    // Orders that came since the last look may have ended the time without: then this beat is news.
    look();
    const held = { ...options.audience(), ...pickHeld(acceptance) };
    doubt = doubtOf(beat, held, heard.sentAtMs, clock.now()) ?? "";
    if (doubt === "") heard = { atMs: clock.now(), sentAtMs: beat.sentAtMs };
    else log.debug({ doubt }, "beat does not count");
    look();
  };
  return {
    name: "freshness",
    get fresh() {
      return isNowFresh();
    },
    get staleSinceMs() {
      return staleSince();
    },
    confirm: take,
    async heard(signed) {
      await acceptance.settled();
      try {
        take(options.verify(signed));
      } catch (cause) {
        const { code, message } = DroverError.from(cause);
        log.warn({ code, reason: message }, "beat refused");
      }
    },
    async run(signal) {
      while (!signal.aborted) {
        look();
        await untilWoken(clock, lookMs, { signal, onWake: () => undefined });
      }
    },
  };
}

function pickHeld({ epoch, generation, floorMs }: FreshnessOptions["acceptance"]) {
  return { epoch, generation, floorMs };
}
