import { shortRevision } from "@drover/shared/api/revision";

import type { TargetRecord } from "../target.ts";
import { advance, type Situation } from "./advance.ts";
import type { Rollout, Step } from "./rollout.ts";

export interface FinishSituation extends Situation {
  /** What Git has by now, for people. */
  readonly next: string;
  readonly assigned: ReadonlyMap<string, TargetRecord>;
}

/** Notes what clusters are to get that do not have it yet, so that it can be released when Git has moved on. */
export function rememberRest(rollout: Rollout, lacking: readonly TargetRecord[], release: readonly string[]): Rollout {
  const rest = lacking.filter(({ cluster }) => !release.includes(cluster));
  return { ...rollout, rest: Object.fromEntries(rest.map((record) => [record.cluster, record])) };
}

/**
 * One step of a rollout that is to end before what Git has by now begins (E35, `supersede: finish`). It has ended when it is
 * complete, or when it was stopped by failures: what comes next may be what repairs them. A pause, an approval that is
 * missing and a closed window are no ends. Only the newest waits, since nothing else is known of by then. undefined = the
 * next may begin.
 */
export function finishRollout(rollout: Rollout, situation: FinishSituation): Step | undefined {
  const { rest, pinned } = rollout;
  if (rest === undefined || rollout.stopped === "failures") return undefined;
  const { next, assigned, nowMs } = situation;
  const members = situation.members
    .filter(({ cluster }) => pinned[cluster] !== undefined)
    .map((member) => ({ ...member, assigned: rest[member.cluster] === undefined }));
  const step = advance(rollout, { ...situation, members });
  if (hasEnded(step)) return undefined;
  const isLeft = (cluster: string): boolean =>
    members.some((member) => member.cluster === cluster) && !step.release.includes(cluster);
  const put = step.release.flatMap((cluster) => {
    const record = rest[cluster];
    const now = assigned.get(cluster);
    if (record === undefined) return [];
    const { syncRequest, confirmPrune } = now ?? record;
    return [{ ...record, syncRequest, confirmPrune, assignedAtMs: nowMs }];
  });
  const left = Object.entries(rest).filter(([cluster]) => isLeft(cluster));
  return {
    ...step,
    rollout: { ...step.rollout, rest: Object.fromEntries(left) },
    message: `${step.message}; ${shortRevision(next)} waits until it has ended`,
    next: { revision: next, put },
    // Then it has ended, and the next look begins what waits.
    wakeAtMs: step.phase === "Frozen" ? nowMs + 1 : step.wakeAtMs,
  };
}

/** What is offline holds up nothing: of the last wave nobody may be there to prove anything. */
function hasEnded({ phase, waves }: Step): boolean {
  const isIdle = waves.every(({ pending, underWay }) => pending + underWay === 0);
  return phase === "Complete" || (phase === "NoEvidence" && isIdle);
}

/** Of clusters that wait for a revision behind a rollout, those that have what they had before it. */
export function areUntouched(
  { rollout: { pinned, rest = {} } }: Step,
  assigned: ReadonlyMap<string, TargetRecord>,
): (cluster: string) => boolean {
  return (cluster) => pinned[cluster] === undefined || (rest[cluster] !== undefined && assigned.has(cluster));
}
