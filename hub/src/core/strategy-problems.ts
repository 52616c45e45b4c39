import type { Problem } from "@drover/shared/problems";

import { didYouMean } from "./fields.ts";
import type { Placement } from "./placement.ts";

/** Strategies that placements name and that are not there: nothing is released to their clusters. */
export function strategyProblems(placements: readonly Placement[], known: readonly string[]): readonly Problem[] {
  return placements
    .filter(({ strategy }) => strategy !== "" && !known.includes(strategy))
    .map(({ name, strategy, at }): Problem => {
      const hint = didYouMean(strategy, known);
      const message = `placement ${name} names the strategy ${strategy}, which is not declared`;
      return { code: "unknown-strategy", severity: "warning", message, at, ...(hint === undefined ? {} : { hint }) };
    });
}
