import type { Invariant } from "../facts.ts";

/** R19: assignments that are delivered again make no agent write or delete anything. */
export function repetitionChangesNothing(): Invariant {
  let isRepeating = false;
  return {
    name: "R19",
    check(fact) {
      isRepeating ||= fact.kind === "repeating";
      if (!isRepeating || (fact.kind !== "agent-wrote" && fact.kind !== "agent-deleted")) return undefined;
      return `${fact.object} in ${fact.cluster} was changed, and nothing new was said`;
    },
  };
}
