import * as wire from "@drover/proto/gen/drover/agent/v1/agent";

import type { ObjectHealth } from "../state.ts";
import type { ApplyState, Drift, ObjectReport, Report } from "./link.ts";
import { digestFromWire, digestToWire, integerFromWire, integerToWire } from "./wire-values.ts";

/** What security-reliability §1.4 allows for the words of one field. */
const maxTextLength = 1024;

export function reportToWire(report: Report): wire.Report {
  return {
    application: report.application,
    sequence: integerToWire(report.sequence),
    epoch: report.epoch,
    generation: integerToWire(report.generation),
    bundle: digestToWire(report.bundle),
    applied: digestToWire(report.applied),
    commit: report.commit,
    phase: phaseToWire[report.phase],
    health: healthToWire[report.health],
    reason: cut(report.reason),
    message: cut(report.message),
    objects: report.objects.map(objectToWire),
    receivedAtMs: integerToWire(report.receivedAtMs),
    appliedAtMs: integerToWire(report.appliedAtMs),
    heldPrune: report.heldPrune === undefined ? undefined : { ...report.heldPrune },
    digest: digestToWire(report.digest ?? ""),
  };
}

export function reportFromWire(report: wire.Report): Report {
  const { heldPrune } = report;
  const digest = digestFromWire(report.digest);
  return {
    application: report.application,
    sequence: integerFromWire(report.sequence),
    epoch: report.epoch,
    generation: integerFromWire(report.generation),
    bundle: digestFromWire(report.bundle) ?? "",
    applied: digestFromWire(report.applied) ?? "",
    commit: report.commit,
    phase: phaseFromWire(report.phase),
    health: healthFromWire(report.health),
    reason: report.reason,
    message: report.message,
    objects: report.objects.flatMap(objectFromWire),
    receivedAtMs: integerFromWire(report.receivedAtMs),
    appliedAtMs: integerFromWire(report.appliedAtMs),
    ...(heldPrune === undefined
      ? {}
      : { heldPrune: { digest: heldPrune.digest, objects: heldPrune.objects, reason: heldPrune.reason } }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function objectToWire(object: ObjectReport): wire.ObjectReport {
  return {
    key: { ...object.key },
    version: object.version,
    apply: applyToWire[object.apply],
    health: healthToWire[object.health],
    reason: cut(object.reason),
    message: cut(object.message),
    drift: object.drift === undefined ? undefined : driftToWire(object.drift),
  };
}

/** None for an object that has no key: there is nothing that it could be about. */
function objectFromWire(object: wire.ObjectReport): ObjectReport[] {
  if (object.key === undefined) return [];
  const { group, kind, namespace, name } = object.key;
  return [
    {
      key: { group, kind, namespace, name },
      version: object.version,
      apply: applyFromWire(object.apply),
      health: healthFromWire(object.health),
      reason: object.reason,
      message: object.message,
      ...(object.drift === undefined ? {} : { drift: driftFromWire(object.drift) }),
    },
  ];
}

function driftToWire(drift: Drift): wire.Drift {
  return {
    paths: [...drift.paths],
    by: drift.by,
    foundAtMs: integerToWire(drift.foundAtMs),
    repaired: drift.repaired,
  };
}

function driftFromWire(drift: wire.Drift): Drift {
  return {
    paths: drift.paths,
    by: drift.by,
    foundAtMs: integerFromWire(drift.foundAtMs),
    repaired: drift.repaired,
  };
}

function cut(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength - 1)}…`;
}

const phaseToWire = {
  applying: wire.Phase.APPLYING,
  applied: wire.Phase.APPLIED,
  failed: wire.Phase.FAILED,
  removing: wire.Phase.REMOVING,
  removed: wire.Phase.REMOVED,
} as const satisfies Record<Report["phase"], wire.Phase>;

// A value that only a newer agent knows is read as "not finished" or "not known": never as good news.
const phaseFromWire = reader(phaseToWire, "applying");

const applyToWire = {
  applied: wire.ApplyState.APPLIED,
  pending: wire.ApplyState.PENDING,
  failed: wire.ApplyState.FAILED,
  pruning: wire.ApplyState.PRUNING,
  held: wire.ApplyState.HELD,
  abandoned: wire.ApplyState.ABANDONED,
} as const satisfies Record<ApplyState, wire.ApplyState>;

const applyFromWire = reader(applyToWire, "pending");

const healthToWire = {
  Current: wire.ObjectHealth.CURRENT,
  Progressing: wire.ObjectHealth.PROGRESSING,
  Suspended: wire.ObjectHealth.SUSPENDED,
  Degraded: wire.ObjectHealth.DEGRADED,
  Failed: wire.ObjectHealth.FAILED,
  Terminating: wire.ObjectHealth.TERMINATING,
  NotFound: wire.ObjectHealth.NOT_FOUND,
  Unknown: wire.ObjectHealth.UNKNOWN,
} as const satisfies Record<ObjectHealth, wire.ObjectHealth>;

const healthFromWire = reader(healthToWire, "Unknown");

function reader<D extends string, W extends string>(table: Record<D, W>, unknown: D): (value: string) => D {
  // The keys of the table are what its type says: it is a literal above.
  const inverse = new Map<string, D>((Object.keys(table) as D[]).map((key) => [table[key], key]));
  return (value) => inverse.get(value) ?? unknown;
}
