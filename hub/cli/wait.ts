import { setTimeout as sleep } from "node:timers/promises";

import { DroverError } from "@drover/shared/errors";

import type { Session } from "./session.ts";
import { marks } from "./signs.ts";

const intervalMs = 500;
/** The most things that are named when the time is over. */
const named = 3;

/**
 * Waits until `missing` names nothing more. It looks at what is, never for something to happen, so what is already so
 * needs no waiting. Throws `timeout` with what is still missing.
 */
export async function waitUntil(
  session: Session,
  goal: { readonly what: string; readonly timeoutMs: number },
  missing: () => Promise<readonly string[]>,
): Promise<void> {
  const { terminal, signal } = session;
  const end = terminal.now() + goal.timeoutMs;
  for (;;) {
    const left = await missing();
    if (left.length === 0) return;
    if (terminal.now() >= end) {
      const rest = left.length > named ? `, and ${left.length - named} more` : "";
      throw new DroverError("timeout", `${left.slice(0, named).join(marks(session.style).dot)}${rest}`, {
        hint: `${goal.what} not current in time; look again: drover get targets`,
      });
    }
    await sleep(Math.min(intervalMs, Math.max(1, end - terminal.now())), undefined, { signal });
  }
}
