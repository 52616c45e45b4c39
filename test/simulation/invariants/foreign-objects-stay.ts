import type { Invariant, TimedFact } from "../facts.ts";

/** R17: an object that the agent did not make, and that nobody has marked as an application's, is never touched by it. */
export function foreignObjectsStay(): Invariant {
  /** What the agent has made or was given, by cluster and uid. */
  const own = new Set<string>();
  const made = new Set<string>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "agent-wrote" && fact.uid === "") made.add(`${fact.cluster} ${fact.object}`);
    if (fact.kind === "live") {
      const key = `${fact.cluster} ${fact.object}`;
      if (fact.content === undefined) made.delete(key);
      else if (made.delete(key)) own.add(`${fact.cluster} ${fact.uid}`);
    }
    if ((fact.kind !== "agent-wrote" && fact.kind !== "agent-deleted") || fact.uid === "" || fact.owner !== "")
      return undefined;
    if (own.has(`${fact.cluster} ${fact.uid}`)) return undefined;
    return `the agent of ${fact.cluster} touched ${fact.object}, which is somebody else's`;
  };
  return { name: "R17", check };
}
