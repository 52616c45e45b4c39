import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { Drift } from "@drover/shared/link/link";

/** How often an object had to be repaired lately. Cools by a factor e a minute. */
export interface Heat {
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export const cold: Heat = { value: 0, at: 0 };

/** From this heat on somebody else writes the object again and again, and repairing at once only feeds the fight. */
const contestedAt = 5;
const maxWaitMs = 300_000;

export function heatUp(heat: Heat, now: number): Heat {
  const minutes = Math.max(0, now - heat.at) / 60_000;
  return { value: heat.value * Math.exp(-minutes) + 1, at: now };
}

/** How long to wait before the next repair: nothing at first, then 2, 4, 8 … s up to 5 min. */
export function repairDelayMs(heat: Heat): number {
  if (heat.value < contestedAt) return 0;
  return Math.min(maxWaitMs, 1000 * 2 ** Math.floor(heat.value - contestedAt + 1));
}

/** Who fights over what, for how long it is left so, and the rule that would end it. */
export function describeContest(key: ObjectKey, drift: Drift | undefined, waitMs: number): string {
  const paths = drift?.paths ?? [];
  const who = drift === undefined || drift.by === "" ? "somebody" : `"${drift.by}"`;
  const shown = paths.slice(0, 3).join(", ") + (paths.length > 3 ? ` and ${paths.length - 3} more` : "");
  const message = `${who} changes ${shown || "it"} again and again; next repair in ${Math.ceil(waitMs / 1000)} s`;
  if (paths.length === 0) return message;
  const rule = `{ kind: ${key.kind}, name: ${key.name}, paths: ${JSON.stringify(paths.slice(0, 3))} }`;
  return `${message}; to leave it to them, add ${rule} to sync.ignore`;
}
