import { digestOf, type Digest } from "@drover/shared/digest";
import { maxHistory } from "@drover/shared/link/link";

import type { TargetId, TargetRecord } from "./target.ts";

/** What one generation changes for one cluster. */
export interface Change {
  readonly put: readonly TargetRecord[];
  readonly forget: readonly TargetId[];
}

/**
 * The history of a cluster with one more generation, newest first (see `Assignments.history`). Each digest is over the one
 * before it and the change, so that two stores which count on from one copy differ from their first own change on. Nobody
 * computes one a second time, so its JSON need not be canonical.
 */
export function extendHistory(history: readonly Digest[], generation: number, change: Change): readonly Digest[] {
  const { put, forget } = change;
  const forgotten = forget.map(({ app, cluster }) => [app, cluster]);
  const next = digestOf(JSON.stringify({ before: history[0] ?? "", generation, put, forgotten }));
  return [next, ...history].slice(0, maxHistory);
}
