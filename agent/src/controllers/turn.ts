import { done, type Outcome } from "@drover/shared/controller";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import { describeContest, repairDelayMs } from "../core/contest.ts";
import { createGate, isGated, stuck } from "../core/gate.ts";
import {
  clearObstacle,
  isLeaving,
  needsApply,
  type ApplicationRecord,
  type ObjectRecord,
  type Obstacle,
} from "../core/record.ts";
import type { Context } from "./context.ts";
import { isKindLeaving, type Kinds } from "./kinds.ts";
import { syncOf } from "./sync.ts";

export interface Turn {
  /** To be applied now. */
  readonly due: readonly ObjectRecord[];
  /** When the next of the others is due, in ms since the epoch; Infinity = when something happens. */
  readonly nextAtMs: number;
}

/** Finds out which objects are to be applied now; why the others are not is left in their records. */
export function takeTurn(
  context: Pick<Context, "acceptance" | "clock" | "log"> & Kinds,
  application: ApplicationRecord,
): Turn {
  const now = context.clock.now();
  const gate = createGate(application.objects);
  const timeoutMs = syncOf(context, application.name).gateTimeoutMs;
  const waits = new Map<string, number>();
  const due: ObjectRecord[] = [];
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const record of application.objects.values()) {
    if (!needsApply(record) || record.inFlight) continue;
    const wait = gate(record);
    if (wait !== undefined) {
      const overdueAtMs = application.waits.get(wait.on) ?? now + timeoutMs;
      if (wait.on !== "") waits.set(wait.on, overdueAtMs);
      record.obstacle = overdueAtMs <= now ? stuck(wait.obstacle, timeoutMs) : wait.obstacle;
      continue;
    }
    if (isGated(record)) clearObstacle(record);
    if (isKindLeaving(context, record)) {
      record.obstacle = kindLeaving;
      continue;
    }
    if (record.notBefore <= now) {
      const waitMs = contestedForMs(record, now);
      if (waitMs <= 0) due.push(record);
      else postpone(context, record, waitMs);
    }
    if (record.notBefore > now) nextAtMs = Math.min(nextAtMs, record.notBefore);
  }
  application.waits = waits;
  application.waitsSeenAtMs = now;
  return { due, nextAtMs: Math.min(nextAtMs, nextOverdue(application)) };
}

/** When the next wait will have lasted too long, in ms since the epoch; one that has meanwhile is to be looked at now. */
function nextOverdue({ waits, waitsSeenAtMs }: ApplicationRecord): number {
  return Math.min(...[...waits.values()].filter((atMs) => atMs > waitsSeenAtMs));
}

const kindLeaving: Obstacle = { reason: "WaitingForKind", message: "its definition is being deleted", retry: "kind" };

const shortestWaitMs = 20;

/** When the next object may be tried again, in ms since the epoch. */
export function nextTry(application: ApplicationRecord, now: number): number {
  let next = nextOverdue(application);
  for (const record of application.objects.values()) {
    // What is being deleted by others ends with an event, so it needs no timer; nor does what waits for others, until it is overdue.
    if (isLeaving(record) || (needsApply(record) && !isGated(record))) {
      next = Math.min(next, Math.max(record.notBefore, now + shortestWaitMs));
    }
  }
  return next;
}

export function retryAt(atMs: number, now: number): Outcome {
  return atMs === Number.POSITIVE_INFINITY ? done : { kind: "retry", afterMs: Math.max(0, atMs - now) };
}

/** How long the repair of a contested object is still put off; not positive when it is due. */
export function contestedForMs(record: ObjectRecord, now: number): number {
  const { repair } = record;
  if (repair === undefined || repair.kind === "asked" || record.applied !== record.desired) return 0;
  return repair.foundAtMs + repairDelayMs(record.heat) - now;
}

function postpone(context: Pick<Context, "clock" | "log">, record: ObjectRecord, waitMs: number): void {
  const by = record.drift?.by ?? "";
  record.obstacle = { reason: "Contested", message: describeContest(record.key, record.drift, waitMs), retry: "soon" };
  if (record.drift !== undefined) record.drift = { ...record.drift, repaired: false };
  record.notBefore = context.clock.now() + waitMs;
  context.log.warn({ object: formatObjectKey(record.key), by, waitMs }, "object is contested");
}
