import { formatObjectKey } from "@drover/shared/kube/manifest";
import { maxReportedObjects, type Assignment, type ObjectReport, type Report } from "@drover/shared/link/link";

import { compareHealth, worstHealth } from "./health/index.ts";
import { isApplied, isLeaving, type ApplicationRecord, type ObjectRecord } from "./record.ts";
import { explainRefused, type RefusedBundle, type RefusedObject } from "./refused.ts";

export interface ReportInput {
  readonly application: ApplicationRecord;
  /** undefined: no assignment names the application, and no tombstone either. */
  readonly assignment: Assignment | undefined;
  readonly epoch: string;
  readonly generation: number;
  readonly sequence: number;
  readonly receivedAtMs: number;
}

const maxBlockers = 3;

const stateOrder: Readonly<Record<ObjectReport["apply"], number>> = {
  failed: 0,
  pending: 1,
  pruning: 2,
  held: 3,
  abandoned: 4,
  applied: 5,
};

/** The whole observed state of an application, from its records alone. */
export function buildReport(input: ReportInput): Report {
  const { application, assignment } = input;
  const known = [...application.objects.values()].map((record) => reportObject(record, application.refused));
  const live = known.filter(({ apply }) => apply !== "pruning" && apply !== "held" && apply !== "abandoned");
  const objects = [...known, ...reportRefused(application)].toSorted(worstFirst);
  const { reason, message } = explain(input, objects);
  return {
    application: application.name,
    sequence: input.sequence,
    epoch: input.epoch,
    generation: input.generation,
    bundle: assignment?.bundle ?? application.bundle,
    applied: application.applied,
    commit: assignment?.commit ?? "",
    phase: application.phase,
    health: worstHealth(live.map((object) => object.health)),
    reason,
    message,
    objects: objects.slice(0, maxReportedObjects),
    receivedAtMs: input.receivedAtMs,
    appliedAtMs: application.appliedAtMs,
    ...(application.heldPrune === undefined ? {} : { heldPrune: application.heldPrune }),
  };
}

function reportObject(record: ObjectRecord, refused: RefusedBundle | undefined): ObjectReport {
  const base = { key: record.key, version: record.version, health: record.verdict.health };
  const drift = record.drift === undefined ? {} : { drift: record.drift };
  const refusal = refused?.objects.get(formatObjectKey(record.key));
  if (refused !== undefined && refusal !== undefined)
    return { ...base, ...drift, ...describeRefusal(refused, refusal) };
  const { obstacle } = record;
  if (record.desired === "") {
    const apply = isLeaving(record) ? "pruning" : record.abandoned === "" ? "held" : "abandoned";
    const reason = obstacle?.reason ?? record.abandoned;
    return { ...base, ...drift, apply, reason, message: obstacle?.message ?? "" };
  }
  if (obstacle !== undefined) {
    const apply = isHeldUp(record) ? "pending" : "failed";
    return { ...base, ...drift, apply, reason: obstacle.reason, message: obstacle.message };
  }
  const apply = isApplied(record) ? "applied" : "pending";
  return { ...base, ...drift, apply, ...describe(record) };
}

/** Objects of a refused bundle that are not there yet. Their absence is no fault of what runs. */
function reportRefused({ refused, objects }: ApplicationRecord): readonly ObjectReport[] {
  const missing = [...(refused?.objects ?? [])].filter(([id]) => !objects.has(id));
  return missing.flatMap(([, object]): readonly ObjectReport[] => {
    if (refused === undefined) return [];
    const { key, version } = object;
    return [{ key, version, health: "NotFound", ...describeRefusal(refused, object) }];
  });
}

function describeRefusal(
  { attempts }: RefusedBundle,
  { obstacle }: RefusedObject,
): Pick<ObjectReport, "apply" | "reason" | "message"> {
  const { reason, message } = obstacle;
  return { apply: isHeldUp({ obstacle, attempts }) ? "pending" : "failed", reason, message };
}

/** Whether somebody has to act before the bundle can be written. */
export function isRefusedForGood({ objects, attempts, wait }: RefusedBundle): boolean {
  if (wait !== undefined) return wait.isOverdue;
  return [...objects.values()].some(({ obstacle }) => !isHeldUp({ obstacle, attempts }));
}

/** What there is to say of an object that is applied. */
function describe({ cause, verdict, yielded }: ObjectRecord): Pick<ObjectReport, "reason" | "message"> {
  const { reason, message } = cause ?? verdict;
  const texts = [message, yielded === "" ? "" : `yields ${yielded}`];
  return { reason, message: texts.filter((text) => text !== "").join("; ") };
}

/** Waiting for something that is expected to come is no failure; nor is a fault of the server that has not lasted. */
export function isHeldUp(record: Pick<ObjectRecord, "obstacle" | "attempts">): boolean {
  const { obstacle } = record;
  if (obstacle === undefined) return false;
  if (expected.has(obstacle.reason)) return true;
  return obstacle.retry === "soon" && record.attempts < 3;
}

const expected = new Set([
  "Contested",
  "NamespaceTerminating",
  "Recreating",
  "Terminating",
  "WaitingForBundle",
  "WaitingForDependency",
  "WaitingForKind",
  "WaitingForNamespace",
]);

/** Of an application that is removed and of which only the inventory is known. */
export const hooksUnknown = {
  reason: "HooksUnknown",
  message: "it is removed without its hooks: what it consisted of is not known here any more",
} as const;

/** The one sentence for the application: what keeps it, else what ails its worst object. */
function explain(
  { application, assignment }: ReportInput,
  objects: readonly ObjectReport[],
): { readonly reason: string; readonly message: string } {
  if (application.hindrance !== undefined) return application.hindrance;
  if (application.refused !== undefined) return explainRefused(application.refused);
  const removing = application.phase === "removing";
  // What is held has its own place in the report, and must not hide what ails the objects that run.
  const shown = objects.filter(({ apply }) => apply !== "abandoned" && (apply !== "held" || removing));
  const [worst] = shown;
  const isLost = removing && application.removal === "" && objects.length > 0;
  if (worst !== undefined && worst.reason !== "") {
    // All that is left of an application that is to go keeps it, so more than one is named.
    const count = removing ? maxBlockers : 1;
    const more = removing ? Math.max(0, shown.length - count) : 0;
    const named = shown.slice(0, count).map(describeObject).join("; ");
    const texts = [named, more === 0 ? "" : `and ${more} more`, isLost ? hooksUnknown.message : ""];
    return { reason: worst.reason, message: texts.filter((text) => text !== "").join("; ") };
  }
  if (isLost) return hooksUnknown;
  if (assignment === undefined && !removing) {
    return { reason: "NotAssigned", message: "no assignment names it any more; it is kept as it is" };
  }
  return { reason: "", message: "" };
}

function describeObject({ key, message }: ObjectReport): string {
  const where = `${key.kind} ${key.namespace === "" ? "" : `${key.namespace}/`}${key.name}`;
  return message === "" ? where : `${where}: ${message}`;
}

function worstFirst(a: ObjectReport, b: ObjectReport): number {
  return (
    stateOrder[a.apply] - stateOrder[b.apply] ||
    compareHealth(a.health, b.health) ||
    driftOrder(a) - driftOrder(b) ||
    compareText(a.key.kind, b.key.kind) ||
    compareText(a.key.namespace, b.key.namespace) ||
    compareText(a.key.name, b.key.name)
  );
}

/** What drifted must not be among what a report has no room for. */
function driftOrder({ drift }: ObjectReport): number {
  if (drift === undefined) return 2;
  return drift.repaired ? 1 : 0;
}

/** By code units: the same everywhere, and many times as fast as by a language's rules. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
