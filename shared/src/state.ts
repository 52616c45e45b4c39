/** The one vocabulary for the state of a target, an application or a cluster: in API, CLI, console, logs, metrics. */
export const targetStates = [
  "failed",
  "degraded",
  "offline",
  "drifted",
  "pending",
  "progressing",
  "paused",
  "deleting",
  "no-targets",
  "current",
] as const;

export type TargetState = (typeof targetStates)[number];

/** Negative when `a` is worse than `b`: sorting by it puts what needs a person first. */
export function compareStates(a: TargetState, b: TargetState): number {
  return targetStates.indexOf(a) - targetStates.indexOf(b);
}

/** The worst of several states; `none` when there are none. */
export function worstState(states: Iterable<TargetState>, none: TargetState): TargetState {
  let worst: TargetState | undefined;
  for (const state of states) if (worst === undefined || compareStates(state, worst) < 0) worst = state;
  return worst ?? none;
}

/** Health of one object, after kstatus (kubernetes-sigs/cli-utils). */
export type ObjectHealth =
  | "Current"
  | "Progressing"
  | "Suspended"
  | "Degraded"
  | "Failed"
  | "Terminating"
  | "NotFound"
  | "Unknown";
