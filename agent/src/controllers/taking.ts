import type { Clock } from "@drover/shared/clock";
import type { Acknowledgement, SignedAssignments } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import { backoffMs, type Backoff, type Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import type { Acceptance } from "./acceptance.ts";
import { untilWoken } from "./wait.ts";

/** Takes what the hub assigns, and answers. What could not be written is tried again until something newer was. */
export interface Taking extends Service {
  receive(signed: SignedAssignments): void;
}

/** A disk that is full or read-only may be mended by a person, and the hub does not send the same again. */
const backoff: Backoff = { baseMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.2 };

export function createTaking(options: {
  readonly acceptance: Pick<Acceptance, "accept">;
  readonly answer: (acknowledgement: Acknowledgement) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): Taking {
  const { acceptance, answer, clock, random, log } = options;
  let unwritten: SignedAssignments | undefined;
  let wake = (): void => undefined;
  const take = async (signed: SignedAssignments): Promise<void> => {
    const acknowledgement = await acceptance.accept(signed);
    answer(acknowledgement);
    const code = acknowledgement.refusal?.code;
    if (code === undefined) unwritten = undefined;
    else if (code === "store_failed") unwritten = signed;
    wake();
  };
  return {
    name: "taking",
    receive(signed) {
      take(signed).catch((cause: unknown) => log.error({ err: cause }, "assignments could not be answered"));
    },
    async run(signal) {
      let attempt = 0;
      while (!signal.aborted) {
        const waiting = unwritten;
        const waitMs = waiting === undefined ? Number.POSITIVE_INFINITY : backoffMs(backoff, attempt, random);
        await untilWoken(clock, waitMs, { signal, onWake: (call) => (wake = call) });
        if (waiting === undefined || waiting !== unwritten || signal.aborted) attempt = 0;
        else {
          attempt += 1;
          await take(waiting);
        }
      }
    },
  };
}
