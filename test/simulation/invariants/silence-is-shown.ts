import type { Invariant } from "../facts.ts";

/** Three beats of 15 s that do not come, the hub's look once a second, and what was under way. */
const boundMs = 47_000;

/** R32: a cluster that has fallen silent is not shown as if it were known how it is. */
export function silenceIsShown(): Invariant {
  return {
    name: "R32",
    check(fact) {
      if (fact.kind !== "shown" || fact.silentMs <= boundMs) return undefined;
      const known = fact.states.find((state) => state !== "offline" && state !== "pending");
      return known === undefined
        ? undefined
        : `${fact.cluster} is silent for ${fact.silentMs} ms and shown as ${known}`;
    },
  };
}
