import type { Invariant } from "../facts.ts";

/** No process of Drover ends by itself, whatever happens around it. */
export function nobodyDies(): Invariant {
  return {
    name: "life",
    check: (fact) => (fact.kind === "died" ? `${fact.who} ended by itself: ${fact.why}` : undefined),
  };
}
