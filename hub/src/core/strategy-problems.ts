import type { Problem } from "@drover/shared/problems";

import { didYouMean } from "./fields.ts";
import type { Placement } from "./placement.ts";

/** What placements ask for that does not happen: a strategy that is not there, or is not carried out yet. */
export function strategyProblems(placements: readonly Placement[], known: readonly string[]): readonly Problem[] {
  return placements
    .filter(({ strategy }) => strategy !== "")
    .map(({ name, strategy, at }): Problem => {
      const base = { severity: "warning", at } as const;
      if (known.includes(strategy)) {
        const message = `placement ${name}: the strategy ${strategy} is checked but not carried out by this version: changes reach all its clusters at once`;
        return { ...base, code: "strategy-not-executed", message };
      }
      const hint = didYouMean(strategy, known);
      const message = `placement ${name} names the strategy ${strategy}, which is not declared`;
      return { ...base, code: "unknown-strategy", message, ...(hint === undefined ? {} : { hint }) };
    });
}
