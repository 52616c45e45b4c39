import type { Invariant, TimedFact } from "../facts.ts";

/**
 * R17: an object that is not marked as an application's is touched by the agent only under a name that it has made one by
 * and not deleted since: what somebody makes anew in the place of Drover's is drift.
 */
export function foreignObjectsStay(): Invariant {
  const own = new Set<string>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind !== "agent-wrote" && fact.kind !== "agent-deleted") return undefined;
    const name = `${fact.cluster} ${fact.object}`;
    const isOurs = fact.uid === "" || fact.owner !== "" || own.has(name);
    if (fact.kind === "agent-wrote") own.add(name);
    else own.delete(name);
    return isOurs ? undefined : `the agent of ${fact.cluster} touched ${fact.object}, which is somebody else's`;
  };
  return { name: "R17", check };
}
