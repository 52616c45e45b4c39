import type { Invariant } from "../facts.ts";

/** R18: whatever was coalesced, lost or late, in the end each agent follows the newest that the hub has for it. */
export function newestIsDelivered(): Invariant {
  return {
    name: "R18",
    check: (fact) =>
      fact.kind === "settled" && fact.accepted !== fact.generation
        ? `${fact.cluster} follows generation ${fact.accepted}, and the hub has ${fact.generation} for it`
        : undefined,
  };
}
