import type { Invariant } from "../facts.ts";

/**
 * R20: once faults have stopped, every cluster has what Git says, and nothing else of Drover's. What a restored store does
 * not know of any more may stay: absence is never deletion.
 */
export function everythingConverges(): Invariant {
  let isRestored = false;
  return {
    name: "R20",
    check(fact) {
      isRestored ||= fact.kind === "restored";
      if (fact.kind !== "settled") return undefined;
      const { cluster, expected, live } = fact;
      for (const [object, content] of expected) {
        if (live.get(object) !== content)
          return `${object} in ${cluster} is ${live.get(object)}, and should be ${content}`;
      }
      if (isRestored) return undefined;
      for (const object of live.keys()) if (!expected.has(object)) return `${object} in ${cluster} should be gone`;
      return undefined;
    },
  };
}
