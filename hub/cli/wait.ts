import { setTimeout as sleep } from "node:timers/promises";

import { DroverError } from "@drover/shared/errors";

import type { Session } from "./session.ts";
import { marks } from "./signs.ts";

const intervalMs = 500;
/** The most things that are named when the time is over. */
const named = 3;
/** Looks at the same failure before it is believed: what was asked for just now may still mend it. */
const patience = 6;

/** Something that is not yet as it should be. */
export interface Missing {
  readonly text: string;
  /** Set when waiting alone will not help: the command that tells more. */
  readonly lookAt?: string;
}

/**
 * Waits until `missing` names nothing more. It looks at what is, never for something to happen, so what is already so
 * needs no waiting. Throws `timeout` with what is still missing, and `apply_failed` early when something has failed and
 * stays so.
 */
export async function waitUntil(
  session: Session,
  goal: { readonly what: string; readonly timeoutMs: number },
  missing: () => Promise<readonly Missing[]>,
): Promise<void> {
  const { terminal, signal } = session;
  const end = terminal.now() + goal.timeoutMs;
  const seen = new Map<string, number>();
  for (;;) {
    const left = await missing();
    if (left.length === 0) return;
    const stuck = left.filter((item) => item.lookAt !== undefined && countLook(seen, item.text) >= patience);
    const [first] = stuck;
    if (first?.lookAt !== undefined)
      throw new DroverError("apply_failed", list(stuck, session), { hint: first.lookAt });
    if (terminal.now() >= end) {
      throw new DroverError("timeout", list(left, session), {
        hint: `${goal.what} not current in time; look again: drover get targets`,
      });
    }
    await sleep(Math.min(intervalMs, Math.max(1, end - terminal.now())), undefined, { signal });
  }
}

function countLook(seen: Map<string, number>, text: string): number {
  const looks = (seen.get(text) ?? 0) + 1;
  seen.set(text, looks);
  return looks;
}

function list(items: readonly Missing[], session: Session): string {
  const rest = items.length > named ? `, and ${items.length - named} more` : "";
  const texts = items.slice(0, named).map(({ text }) => text);
  return `${texts.join(marks(session.style).dot)}${rest}`;
}
