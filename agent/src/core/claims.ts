/** What one other application has to do with an object. */
export interface Claim {
  readonly application: string;
  /** `unknown`: its newest bundle is not here, so nobody can tell yet. */
  readonly wish: "wants" | "leaves" | "unknown";
  /** Whether it has applied the object, or is about to. */
  readonly held: boolean;
}

export interface Claimant {
  readonly application: string;
  readonly held: boolean;
}

/**
 * The claim that keeps an application from applying an object that it wants; undefined when it may. Who had the object
 * first keeps it for as long as it wants it. Should two have it, as after a crash, the name decides: always the same.
 */
export function findRival(self: Claimant, claims: readonly Claim[]): Claim | undefined {
  return claims.find((claim) => {
    if (!claim.held || claim.wish === "leaves") return false;
    return !self.held || claim.application < self.application;
  });
}

/** The claim for whose sake an object that this application no longer wants is not deleted; undefined when it is to go. */
export function findHeir(claims: readonly Claim[]): Claim | undefined {
  return claims.find((claim) => claim.wish === "wants") ?? claims.find((claim) => claim.wish === "unknown");
}
