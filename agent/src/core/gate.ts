import { formatDuration } from "@drover/shared/duration";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import type { Stage } from "./hooks.ts";
import { isApplied, type ObjectRecord, type Obstacle } from "./record.ts";
import { isOfRemoval } from "./run.ts";

/** Tells why an object has to wait for others of its application; undefined when it does not. */
export type Gate = (record: ObjectRecord) => Wait | undefined;

export interface Wait {
  readonly obstacle: Obstacle;
  /** The wave or the object that it waits for, by a name among those of its application; "" = nothing that can come. */
  readonly on: string;
}

/**
 * Waves and `depends-on`, over all objects of an application by id. Only new content waits: an object that was changed by
 * somebody is repaired whatever the others are doing.
 */
export function createGate(objects: ReadonlyMap<string, ObjectRecord>): Gate {
  let scanned = false;
  let first: ObjectRecord | undefined;
  const firstUnready = (): ObjectRecord | undefined => {
    if (!scanned) first = findFirstUnready(objects);
    scanned = true;
    return first;
  };
  return (record) => {
    if (record.applied === record.desired || rankOf(record) === undefined) return undefined;
    const wait = waitForWave(record, firstUnready());
    // What an object may depend on leaves with the application.
    return wait ?? (isOfRemoval(record.run?.stage ?? "main") ? undefined : waitForOthers(objects, record));
  };
}

/** Stages that follow each other. Those that are not in here have a time of their own. */
const ranks: Readonly<Partial<Record<Stage, number>>> = {
  pre: 0,
  main: 1,
  post: 2,
  "pre-delete": 3,
  "post-delete": 4,
};

function rankOf({ run }: ObjectRecord): number | undefined {
  return ranks[run?.stage ?? "main"];
}

/** By stage, then by wave. */
function comesBefore(a: ObjectRecord, b: ObjectRecord): boolean {
  const byStage = (rankOf(a) ?? 0) - (rankOf(b) ?? 0);
  return (byStage || a.order.wave - b.order.wave) < 0;
}

const reasons = {
  waiting: "WaitingForDependency",
  stuck: "DependencyStuck",
  missing: "DependencyMissing",
  cycle: "DependencyCycle",
} as const;
const allReasons: ReadonlySet<string> = new Set(Object.values(reasons));

/** Whether the object waits because a gate said so. */
export function isGated({ obstacle }: ObjectRecord): boolean {
  return obstacle !== undefined && allReasons.has(obstacle.reason);
}

/** Of the lowest wave that is not ready. */
function findFirstUnready(objects: ReadonlyMap<string, ObjectRecord>): ObjectRecord | undefined {
  let first: ObjectRecord | undefined;
  for (const record of objects.values()) {
    if (record.desired === "" || rankOf(record) === undefined || (first !== undefined && !comesBefore(record, first)))
      continue;
    if (!isReady(record)) first = record;
  }
  return first;
}

function waitForWave(record: ObjectRecord, first: ObjectRecord | undefined): Wait | undefined {
  if (first === undefined || !comesBefore(first, record)) return undefined;
  const { wave } = first.order;
  const isSameStage = rankOf(first) === rankOf(record);
  return {
    obstacle: waitingFor(first, isSameStage ? ` for wave ${wave}` : " for what comes before"),
    on: `${rankOf(first)}/${wave}`,
  };
}

function waitForOthers(objects: ReadonlyMap<string, ObjectRecord>, record: ObjectRecord): Wait | undefined {
  for (const id of record.order.dependsOn) {
    const other = objects.get(id);
    if (other === undefined || other.desired === "") return missing(id);
    if (dependsOn(objects, { from: other, on: record })) return cycle(id);
    if (!isReady(other)) return { obstacle: waitingFor(other, ""), on: id };
  }
  return undefined;
}

/** Suspended is as Git wants it, so nothing more is to come. */
export function isReady(record: ObjectRecord): boolean {
  const { health } = record.verdict;
  return isApplied(record) && (health === "Current" || health === "Suspended");
}

function waitingFor({ key, verdict, obstacle }: ObjectRecord, wave: string): Obstacle {
  const reason = obstacle?.reason ?? verdict.reason;
  const why = `${formatObjectKey(key)} is not ready${reason === "" ? "" : `: ${reason}`}`;
  return { reason: reasons.waiting, message: `waits${wave}: ${why}`, retry: "soon" };
}

/** Of an object that has waited too long. It goes on by itself once what it waits for is ready. */
export function stuck({ message }: Obstacle, timeoutMs: number): Obstacle {
  return { reason: reasons.stuck, message: `more than ${formatDuration(timeoutMs)}: ${message}`, retry: "changed" };
}

function missing(id: string): Wait {
  return never(reasons.missing, `depends on "${id}", which is not part of the application`);
}

function cycle(id: string): Wait {
  return never(reasons.cycle, `depends on "${id}", which depends on it`);
}

function never(reason: string, message: string): Wait {
  return { obstacle: { reason, message, retry: "changed" }, on: "" };
}

/** Whether one object depends on another, directly or over others. */
function dependsOn(
  objects: ReadonlyMap<string, ObjectRecord>,
  { from, on }: { readonly from: ObjectRecord; readonly on: ObjectRecord },
): boolean {
  const seen = new Set<ObjectRecord>();
  const left = [from];
  for (let record = left.pop(); record !== undefined; record = left.pop()) {
    if (record === on) return true;
    if (seen.has(record)) continue;
    seen.add(record);
    for (const id of record.order.dependsOn) {
      const next = objects.get(id);
      if (next !== undefined) left.push(next);
    }
  }
  return false;
}
