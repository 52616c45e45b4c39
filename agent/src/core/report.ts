import type { Assignment, ObjectReport, Report } from "@drover/shared/link/link";

import { compareHealth, worstHealth } from "./health/index.ts";
import { isApplied, type ApplicationRecord, type ObjectRecord } from "./record.ts";

export interface ReportInput {
  readonly application: ApplicationRecord;
  /** undefined: no assignment names the application, and no tombstone either. */
  readonly assignment: Assignment | undefined;
  readonly epoch: string;
  readonly generation: number;
  readonly sequence: number;
  readonly receivedAtMs: number;
}

/** The bound of the wire contract. */
const maxObjects = 5_000;

const stateOrder: Readonly<Record<ObjectReport["apply"], number>> = {
  failed: 0,
  pending: 1,
  pruning: 2,
  abandoned: 3,
  applied: 4,
};

/** The whole observed state of an application, from its records alone. */
export function buildReport(input: ReportInput): Report {
  const { application, assignment } = input;
  const objects = [...application.objects.values()].map(reportObject).toSorted(worstFirst);
  const live = objects.filter((object) => object.apply !== "pruning" && object.apply !== "abandoned");
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
    objects: objects.slice(0, maxObjects),
    receivedAtMs: input.receivedAtMs,
    appliedAtMs: application.appliedAtMs,
  };
}

function reportObject(record: ObjectRecord): ObjectReport {
  const base = { key: record.key, version: record.version, health: record.verdict.health };
  const drift = record.drift === undefined ? {} : { drift: record.drift };
  const { obstacle, verdict } = record;
  if (record.desired === "") {
    const apply = record.abandoned === "" ? "pruning" : "abandoned";
    const reason = obstacle?.reason ?? record.abandoned;
    return { ...base, ...drift, apply, reason, message: obstacle?.message ?? "" };
  }
  if (obstacle !== undefined) {
    const apply = isHeldUp(record) ? "pending" : "failed";
    return { ...base, ...drift, apply, reason: obstacle.reason, message: obstacle.message };
  }
  const apply = isApplied(record) ? "applied" : "pending";
  const { reason, message } = record.cause ?? verdict;
  return { ...base, ...drift, apply, reason, message };
}

/** Waiting for something that is expected to come is no failure; nor is a fault of the server that has not lasted. */
export function isHeldUp(record: ObjectRecord): boolean {
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

/** The one sentence for the application: what keeps it, else what ails its worst object. */
function explain(
  { application, assignment }: ReportInput,
  objects: readonly ObjectReport[],
): { readonly reason: string; readonly message: string } {
  if (application.hindrance !== undefined) return application.hindrance;
  const worst = objects.find((object) => object.apply !== "abandoned");
  if (worst !== undefined && worst.reason !== "") {
    const { kind, namespace, name } = worst.key;
    const where = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
    return { reason: worst.reason, message: worst.message === "" ? where : `${where}: ${worst.message}` };
  }
  if (assignment === undefined && application.phase !== "removing") {
    return { reason: "NotAssigned", message: "no assignment names it any more; it is kept as it is" };
  }
  return { reason: "", message: "" };
}

function worstFirst(a: ObjectReport, b: ObjectReport): number {
  return (
    stateOrder[a.apply] - stateOrder[b.apply] ||
    compareHealth(a.health, b.health) ||
    a.key.kind.localeCompare(b.key.kind) ||
    a.key.namespace.localeCompare(b.key.namespace) ||
    a.key.name.localeCompare(b.key.name)
  );
}
