import type { Invariant } from "../facts.ts";
import { appliedMeansWhole } from "./applied-means-whole.ts";
import { decisionsSurvive } from "./decisions-survive.ts";
import { deletionIsOrdered } from "./deletion-is-ordered.ts";
import { driftIsHealed } from "./drift-is-healed.ts";
import { everythingConverges } from "./everything-converges.ts";
import { foreignObjectsStay } from "./foreign-objects-stay.ts";
import { generationNeverFalls } from "./generation-never-falls.ts";
import { newestIsDelivered } from "./newest-is-delivered.ts";
import { nobodyDies } from "./nobody-dies.ts";
import { pruneHasABudget } from "./prune-has-a-budget.ts";
import { repetitionChangesNothing } from "./repetition-changes-nothing.ts";
import { restoreRollsNothingBack } from "./restore-rolls-nothing-back.ts";
import { revokedGetsNothing } from "./revoked-gets-nothing.ts";
import { silenceIsShown } from "./silence-is-shown.ts";
import { statusNeverFalls } from "./status-never-falls.ts";

/** All promises, at the beginning of a history. */
export function allInvariants(): readonly Invariant[] {
  return [
    deletionIsOrdered(),
    pruneHasABudget(),
    generationNeverFalls(),
    statusNeverFalls(),
    appliedMeansWhole(),
    driftIsHealed(),
    decisionsSurvive(),
    revokedGetsNothing(),
    foreignObjectsStay(),
    newestIsDelivered(),
    repetitionChangesNothing(),
    everythingConverges(),
    silenceIsShown(),
    restoreRollsNothingBack(),
    nobodyDies(),
  ];
}
