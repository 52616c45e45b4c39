import type { Invariant, TimedFact } from "../facts.ts";

const boundMs = 2_000;

/**
 * R14, as far as Drover keeps it: an older store in the place of the newer one knows older revocations. A revoked cluster is given nothing from 2 s after the answer on, by no hub, until a person lets it in again.
 */
export function revokedGetsNothing(): Invariant {
  const since = new Map<string, number>();
  const check = (fact: TimedFact): string | undefined => {
    if (fact.kind === "revoked") since.set(fact.cluster, fact.at);
    if (fact.kind === "restored") since.clear();
    if (fact.kind === "accepted-again") since.delete(fact.cluster);
    if (fact.kind !== "hub-gave") return undefined;
    const revokedAt = since.get(fact.cluster);
    if (revokedAt === undefined || fact.at <= revokedAt + boundMs) return undefined;
    return `${fact.cluster} was given ${fact.what} ${fact.at - revokedAt} ms after it was revoked`;
  };
  return { name: "R14", check };
}
