import type { Principal } from "../access/principal.ts";
import { listNames } from "../list-names.ts";
import type { Approval } from "../strategy.ts";
import type { Rollout, WaveProgress } from "./rollout.ts";

/** That somebody let a wave begin. */
export interface Approved {
  /** For people to read. */
  readonly by: string;
  /** Who it really was: two with the same are one. */
  readonly who: string;
}

/** Who asks to approve. */
export interface Approver {
  readonly name: string;
  /** The person who answers for it; undefined = a token that no person made. */
  readonly principal: Principal | undefined;
}

/** How many more have to say yes. */
export function missingApprovals({ count }: Approval, { approvals }: Pick<WaveProgress, "approvals">): number {
  return Math.max(0, count - approvals.length);
}

/** Why this one may not approve this wave; undefined = they may. `isTwice` tells a second yes from a first that may not be. */
export function whyNotApprove(
  { approval, progress }: { readonly approval: Approval; readonly progress: Pick<WaveProgress, "approvals"> },
  { authors, revision }: Pick<Rollout, "authors" | "revision">,
  { name, principal }: Approver,
): { readonly reason: string; readonly isTwice: boolean } | undefined {
  if (approval.separate) {
    const own = whyOwn(authors, { name, principal });
    if (own !== undefined) return { reason: `${own} of ${revision.slice(0, 12)}`, isTwice: false };
  }
  if (!progress.approvals.some(({ who }) => who === whoIs({ name, principal }))) return undefined;
  return { reason: `${name} has approved it already, and it takes another person`, isTwice: true };
}

/** Where it has to be another person than who wrote it, whoever cannot be told from them is none. */
function whyOwn(authors: readonly string[], { name, principal }: Approver): string | undefined {
  if (principal === undefined)
    return `the token ${name} is nobody's, so that its holder cannot be told from the author`;
  if (principal.email === "")
    return `the identity provider has verified no address of ${name}, who cannot be told from the author`;
  return authors.includes(principal.email)
    ? `${name} cannot approve their own change: ${principal.email} is the author`
    : undefined;
}

/** With one more who lets it begin. It holds for the content that is being released, and for nothing after it. */
export function withApproval(rollout: Rollout, wave: string, approver: Approver, progress: WaveProgress): Rollout {
  const approvals = [...progress.approvals, { by: approver.name, who: whoIs(approver) }];
  return { ...rollout, waves: { ...rollout.waves, [wave]: { ...progress, approvals } } };
}

/** `ana and bo approved it, 1 more has to`. */
export function sayMissing(approval: Approval, { approvals }: Pick<WaveProgress, "approvals">): string {
  const missing = missingApprovals(approval, { approvals });
  const others = approval.separate ? " who did not write it" : "";
  if (approvals.length === 0)
    return approval.count === 1
      ? `approval${others === "" ? "" : ` of one${others}`}`
      : `the approval of ${approval.count}${others}`;
  return `the approval of ${missing} more${others}, after ${listNames(approvals.map(({ by }) => by))}`;
}

function whoIs({ name, principal }: Approver): string {
  return principal?.id ?? `token ${name}`;
}
