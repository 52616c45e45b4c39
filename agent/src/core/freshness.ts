import type { Beat } from "@drover/shared/link/link";

import { clockToleranceMs, type Audience } from "./acceptance.ts";

/** What was accepted, as a beat speaks of it. */
export interface Held extends Audience {
  readonly epoch: string;
  readonly generation: number;
  /** When it was issued at the latest. */
  readonly floorMs: number;
}

/**
 * Why a beat whose signature holds does not say that what was accepted is the newest, in one sentence; undefined when it
 * does. `newestMs`: when the newest beat was sent that did, so that none counts twice.
 */
export function doubtOf(beat: Beat, held: Held, newestMs: number, nowMs: number): string | undefined {
  const { cluster, clusterUid, epoch, generation, sentAtMs } = beat;
  if (cluster !== held.cluster || clusterUid !== held.clusterUid) return "it is for another cluster";
  if (epoch !== held.epoch || generation !== held.generation) {
    return `it is about generation ${generation} of epoch "${epoch}", accepted is ${held.generation} of "${held.epoch}"`;
  }
  const offMs = sentAtMs - nowMs;
  if (Math.abs(offMs) > clockToleranceMs) {
    return `it was sent ${Math.round(Math.abs(offMs) / 1000)} s ${offMs > 0 ? "ahead of" : "behind"} the agent's clock`;
  }
  if (sentAtMs <= newestMs || sentAtMs < held.floorMs - clockToleranceMs) return "it was sent before others";
  return undefined;
}

/** Whether a beat that came then still counts now. A clock that was set back by more than that makes none count. */
export function isFresh(heardAtMs: number, nowMs: number, freshForMs: number): boolean {
  return Math.abs(nowMs - heardAtMs) <= freshForMs;
}
