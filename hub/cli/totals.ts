import type { TargetState } from "@drover/shared/state";
import { targetStates } from "@drover/shared/state";

import { marks } from "./signs.ts";
import type { Style } from "./terminal.ts";

/** `4 clusters: 1 failed · 3 current`, the worst first. */
export function formatTotals(states: readonly TargetState[], noun: string, style: Style): string {
  const counts = targetStates
    .map((state) => ({ state, count: states.filter((each) => each === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  const total = `${states.length} ${states.length === 1 ? noun : `${noun}s`}`;
  return counts.length === 0 ? total : `${total}: ${counts.join(marks(style).dot)}`;
}
