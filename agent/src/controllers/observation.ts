import type { Clock } from "@drover/shared/clock";
import { listAt, numberAt, textAt, type JsonRecord } from "@drover/shared/json";

import { isNewest, markOf, ownHash, type DriftedFields } from "../core/drift.ts";
import type { Verdict } from "../core/health/verdict.ts";
import {
  clearObstacle,
  endGrace,
  isOlder,
  notFound,
  notSeen,
  setVerdict,
  type ObjectRecord,
  type Repair,
} from "../core/record.ts";
import { isOver } from "../core/run.ts";
import { noteEnd, noteRemoved } from "../core/runs.ts";
import { fieldManager } from "../kube/objects.ts";
import type { Assess } from "./context.ts";
import type { Place } from "./state.ts";

export interface ObservationOptions {
  readonly assess: Assess;
  readonly clock: Clock;
  /** Whether `kubectl scale` may change an object of the record's kind where only its generation tells (case 26). */
  readonly scalesUnseen: (record: ObjectRecord) => boolean;
  /** What others added to an object that is to be exactly as in Git; undefined when nothing, or when that is no matter. */
  readonly addedTo: (application: string, record: ObjectRecord, object: JsonRecord) => DriftedFields | undefined;
  /** Somebody changed or deleted an object that was in order. */
  readonly drifted: (place: Place) => void;
  /** Something else than drift has to be done about an object. */
  readonly wake: (application: string) => void;
  /** What is to be reported has changed. */
  readonly changed: (application: string) => void;
}

/** One object as it is now. */
export function noteSeen(options: ObservationOptions, { application, record }: Place, object: JsonRecord): void {
  if (record.inFlight) {
    record.echo = { left: false, object };
    return;
  }
  const resourceVersion = textAt(object, "metadata", "resourceVersion") ?? "";
  // Our own writes come back, and a list or a resumed watch repeats what is known.
  if (isOlder(resourceVersion, record.resourceVersion)) return;
  const generation = numberAt(object, "metadata", "generation") ?? 0;
  const before = record.verdict;
  const now = options.clock.now();
  noteAge(record, textAt(object, "metadata", "uid") ?? "", now);
  setVerdict(record, options.assess(application.name, record, object));
  endGrace(record, now);
  const moved = hasMoved(options, record, object);
  record.resourceVersion = resourceVersion;
  const ended = noteEnd(application, record, object);
  const obstacleMoved = moveObstacle(record, generation);
  record.generation = generation;
  const added = (): DriftedFields | undefined => options.addedTo(application.name, record, object);
  const repair = record.verdict.health === "Terminating" ? undefined : findChange(record, object, { moved, added });
  const drifted = repair !== undefined && record.repair === undefined;
  const undone = repair === undefined && endTolerance(record, object);
  if (drifted) record.repair = { ...repair, foundAtMs: now };
  if (obstacleMoved || ended) options.wake(application.name);
  else if (drifted) options.drifted({ application, record });
  if (undone || !isSameVerdict(before, record.verdict)) options.changed(application.name);
}

/** Drift that was left as it is, and that whoever made it has undone; true when that is so. */
function endTolerance(record: ObjectRecord, object: JsonRecord): boolean {
  if (record.tolerated === "" || record.tolerated === markOf(object, fieldManager)) return false;
  record.tolerated = "";
  if (record.drift?.repaired === false) record.drift = { ...record.drift, repaired: true };
  return true;
}

/** What the first list shows of an object that this process has not applied was there before it: seen long ago. */
function noteAge(record: ObjectRecord, uid: string, nowMs: number): void {
  if (record.verdict === notSeen) record.firstSeenAtMs ??= Number.NEGATIVE_INFINITY;
  if (record.firstSeenAtMs === undefined || uid !== record.uid) record.firstSeenAtMs = nowMs;
}

/** A deletion by somebody else holds the object up; a change of its spec may have made way for what was refused. */
function moveObstacle(record: ObjectRecord, generation: number): boolean {
  const { obstacle, verdict, run } = record;
  if (run !== undefined && isOver(run)) return false;
  if (record.desired !== "" && verdict.health === "Terminating" && obstacle === undefined) {
    record.obstacle = { reason: "Terminating", message: "it is being deleted by somebody", retry: "later" };
    return true;
  }
  if (obstacle?.retry !== "changed" || generation === record.generation) return false;
  clearObstacle(record);
  return true;
}

function isSameVerdict(a: Verdict, b: Verdict): boolean {
  return a.health === b.health && a.reason === b.reason && a.message === b.message;
}

/** Whether the object may have been changed in a way that our entry does not show. */
function hasMoved({ scalesUnseen }: ObservationOptions, record: ObjectRecord, object: JsonRecord): boolean {
  const generation = numberAt(object, "metadata", "generation") ?? 0;
  if (generation !== record.generation && scalesUnseen(record)) return true;
  // What has a generation shows by it that more than its status was written.
  const isWritten = textAt(object, "metadata", "resourceVersion") !== record.resourceVersion;
  return isWritten && (generation === 0 || generation !== record.generation) && isNewest(object, fieldManager);
}

/** What somebody else did to an object that was in order; undefined when it concerns nothing that we own. */
function findChange(
  record: ObjectRecord,
  object: JsonRecord,
  { moved, added }: { readonly moved: boolean; readonly added: () => DriftedFields | undefined },
): Unpack<Changed> | undefined {
  if (!isKept(record) || record.applied !== record.desired) return undefined;
  if (record.tolerated !== "" && record.tolerated === markOf(object, fieldManager)) return undefined;
  const evidence = { metadata: { managedFields: listAt(object, "metadata", "managedFields") } };
  const uid = textAt(object, "metadata", "uid") ?? "";
  if (uid !== record.uid || ownHash(object, fieldManager) !== record.ownHash) return { kind: "changed", evidence };
  // `kubectl scale` goes through a subresource, which on servers before 1.22 leaves our entry as it is.
  const replicas = numberAt(object, "spec", "replicas");
  const scaled = record.replicas !== undefined && replicas !== undefined && replicas !== record.replicas;
  if (scaled) return { kind: "scaled", evidence };
  if (moved) return { kind: "moved", evidence };
  const fields = added();
  return fields === undefined ? undefined : { kind: "added", evidence, fields: { paths: fields.paths, by: fields.by } };
}

/** A hook is run, not kept; and what has ended is history. */
function isKept({ desired, run }: ObjectRecord): boolean {
  return desired !== "" && (run === undefined || (run.hook === undefined && !isOver(run)));
}

type Changed = Extract<Repair, { readonly evidence: JsonRecord }>;
/** Before it is known when it was found. */
type Unpack<T> = T extends unknown ? Omit<T, "foundAtMs"> : never;

/** Deleted, or its label was taken off: only the server can tell, and one apply puts either right. */
export function noteLeft(options: ObservationOptions, place: Place, object: JsonRecord): void {
  const { record } = place;
  if (record.inFlight) {
    record.echo = { left: true, object };
    return;
  }
  // The deletion of an earlier object of that name, which is there again by now.
  if (isOlder(textAt(object, "metadata", "resourceVersion") ?? "", record.resourceVersion)) return;
  // Its last state, which may be its end.
  noteEnd(place.application, record, object);
  noteGone(options, place, { unseen: false });
}

/** The object is not among those that carry our label. `unseen`: nobody saw it go. */
export function noteGone(
  { clock, drifted, wake, changed }: ObservationOptions,
  { application, record }: Place,
  { unseen }: { readonly unseen: boolean } = { unseen: true },
): void {
  if (record.inFlight) return;
  if (noteRemoved(application, record, { unseen })) {
    changed(application.name);
    return wake(application.name);
  }
  setVerdict(record, notFound);
  record.firstSeenAtMs = undefined;
  clearObstacle(record);
  if (record.desired === "" || record.applied !== record.desired) return wake(application.name);
  record.repair = { kind: "left", foundAtMs: clock.now() };
  drifted({ application, record });
}
