import { digestOf, type Digest } from "@drover/shared/digest";

import { listNames } from "./list-names.ts";
import type { PlannedChange } from "./plan.ts";

/** A change of where an application runs that is too wide to be taken without being asked. */
export interface WideChange {
  readonly kind: "spread" | "withdrawal";
  /** Names exactly this change: confirming it confirms no cluster that joins it later. */
  readonly digest: Digest;
  readonly clusters: readonly string[];
  /** One sentence. */
  readonly message: string;
}

/** Up to so many clusters nothing is asked, whatever share of all they are. */
const few = 10;
/** How many times as many clusters are too many at once (E29). */
const spreadFactor = 10;
/** The percentage of its clusters that an application may leave at once, as with objects of a cluster (E42). */
const withdrawalPercent = 30;

/**
 * The part of a plan that waits for a person: an application that would come to ten times as many clusters as it is on, or
 * leave a third of them. A slip in a label does either. Where it runs nowhere yet, it may come to any number.
 */
export function wideChanges(app: string, changes: readonly PlannedChange[], running: number): readonly WideChange[] {
  const clustersOf = (kind: PlannedChange["kind"]): readonly string[] =>
    changes.flatMap((change) => (change.kind === kind ? [change.cluster] : [])).toSorted();
  const [added, removed] = [clustersOf("add"), clustersOf("remove")];
  const wide: WideChange[] = [];
  if (running > 0 && added.length > few && running + added.length >= spreadFactor * running) {
    const message = `${app} would come from ${running} to ${running + added.length} clusters: ${listNames(added)}`;
    wide.push({ kind: "spread", digest: nameOf("spread", added), clusters: added, message });
  }
  if (removed.length > few && removed.length * 100 > withdrawalPercent * running) {
    const message = `${app} would leave ${removed.length} of ${running} clusters: ${listNames(removed)}`;
    wide.push({ kind: "withdrawal", digest: nameOf("withdrawal", removed), clusters: removed, message });
  }
  return wide;
}

function nameOf(kind: WideChange["kind"], clusters: readonly string[]): Digest {
  return digestOf(JSON.stringify([kind, clusters]));
}
