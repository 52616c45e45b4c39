import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { isCustom } from "./health/custom-resource.ts";
import { assess } from "./health/index.ts";
import { current, verdict, type Verdict } from "./health/verdict.ts";
import { clearObstacle, setVerdict, type ApplicationRecord, type ObjectRecord, type Obstacle } from "./record.ts";
import { hasFailed, isOfRemoval, isOver, nextRun, runIn, type Run } from "./run.ts";

/** On every hook that is applied: the run that it was made for. Tells one that ended from one of an earlier bundle. */
const runAnnotation = "drover.dev/run";

/** What is sent for a hook; anything else as it is. */
export function stampRun(payload: KubeObject, run: Run | undefined): KubeObject {
  if (run?.hook === undefined) return payload;
  const annotations = { ...payload.metadata.annotations, [runAnnotation]: run.id };
  return { ...payload, metadata: { ...payload.metadata, annotations } };
}

/** Whether a live hook was made for a run, rather than for an earlier one or by somebody else. */
export function isOfRun(live: JsonRecord, run: Run): boolean {
  return textAt(live, "metadata", "annotations", runAnnotation) === run.id;
}

/** Whether a hook of this kind does something by being made, so that it has to be made anew to do it again. */
export function runsWhenMade({ group, kind }: ObjectRecord["key"]): boolean {
  return (group === "batch" && kind === "Job") || (group === "" && kind === "Pod") || isCustom(group);
}

/** Has every hook know what it is to run for by now. True when one that was at rest is to run. */
export function planHooks(application: ApplicationRecord): boolean {
  let started = false;
  for (const record of application.objects.values()) {
    const { run } = record;
    if (run?.hook === undefined || record.desired === "") continue;
    const before = run.id;
    planRun(record, planOf(application, run));
    started ||= record.run?.id !== before && record.applied === "";
  }
  return started;
}

function planOf({ bundle, applied, phase }: ApplicationRecord, run: Run): Run {
  if (run.hook === undefined) return run;
  const failure = runIn(run, "failure", bundle);
  const isCalled = phase === "failed" || run.id === failure.id;
  if (run.hook.stages.failure !== undefined && isCalled) return failure;
  // A bundle that was applied has had its hooks, those included that are only for the first bundle.
  if (applied === bundle) return { ...run, id: "" };
  return nextRun(run, run.hook, { bundle, later: applied !== "" });
}

/** Has a hook do a run; one that it has done is not done again. */
export function planRun(record: ObjectRecord, run: Run): void {
  const isNew = record.run?.id !== run.id;
  record.run = run;
  if (isNew) clearObstacle(record);
  if (isOver(run)) rest(record, run);
  else if (isNew) {
    record.applied = "";
    record.repair = undefined;
  }
}

/** Nothing is to be done about it any more. */
function rest(record: ObjectRecord, run: Run): void {
  record.applied = record.desired;
  record.repair = undefined;
  if (record.uid === "") setVerdict(record, lastVerdict(run));
  if (hasFailed(run)) record.obstacle ??= failed(run, lastVerdict(run));
}

/** How an object is that has ended and is not there any more. */
export function lastVerdict(run: Run): Verdict {
  return hasFailed(run) ? verdict("Failed", "JobFailed", "it has failed, and is not there any more") : current;
}

function failed({ stage }: Run, { reason, message }: Verdict): Obstacle {
  const why = message === "" ? reason : `${reason}: ${message}`;
  const next = isOfRemoval(stage) ? "; it holds the removal, and is run again when that is confirmed" : "";
  return { reason: "HookFailed", message: `${why}${next}`, retry: "changed" };
}

/** Takes in that a Job or a hook has come to its end, if it has; true when that is news. */
export function noteEnd(application: ApplicationRecord, record: ObjectRecord, live: JsonRecord): boolean {
  const { run } = record;
  if (run === undefined || isOver(run)) return false;
  const isOurs = run.hook === undefined ? isApplied(record, live) : isOfRun(live, run);
  const end = assess(record.key, withoutDeletion(live));
  if (!isOurs || (end.health !== "Current" && end.health !== "Failed")) return false;
  const outcome = end.health === "Current" ? "success" : "failure";
  // A Job that has failed and stays is not done with: who deletes it wants it to run once more.
  if (run.hook === undefined && outcome === "failure" && !run.expires) return false;
  record.run = { ...run, ended: { id: run.id, outcome } };
  application.shape += 1;
  if (run.hook !== undefined && outcome === "failure") record.obstacle = failed(run, end);
  return true;
}

function isApplied(record: ObjectRecord, live: JsonRecord): boolean {
  return record.applied === record.desired && textAt(live, "metadata", "uid") === record.uid;
}

/** An object that has ended is deleted for that, so its deletion does not hide how it ended. */
function withoutDeletion(live: JsonRecord): JsonRecord {
  const metadata = live["metadata"];
  if (!isRecord(metadata)) return live;
  const { deletionTimestamp: _deletion, ...rest } = metadata;
  return { ...live, metadata: rest };
}

/**
 * Takes in that an object is not there any more. True when it is a Job or a hook that has ended: that is no drift (case
 * 35, E58). `unseen`: nobody knows its last state; one that expires has then expired.
 */
export function noteRemoved(
  application: ApplicationRecord,
  record: ObjectRecord,
  { unseen }: { readonly unseen: boolean },
): boolean {
  const { run } = record;
  if (run === undefined || record.desired === "") return false;
  if (unseen && run.expires && record.applied === record.desired && !isOver(run)) {
    record.run = { ...run, ended: { id: run.id, outcome: "success" } };
  }
  if (!isOver(record.run ?? run)) return false;
  if (record.uid !== "") application.shape += 1;
  record.uid = "";
  if (record.obstacle?.reason !== "HookFailed") clearObstacle(record);
  setVerdict(record, lastVerdict(record.run ?? run));
  return true;
}

/**
 * Somebody asks for an object to be applied once more: what has failed gets another run, what has succeeded does not.
 * False when it is no object that runs and ends.
 */
export function runAgain(record: ObjectRecord): boolean {
  const { run } = record;
  if (run === undefined || !isOver(run)) return false;
  if (!hasFailed(run)) return true;
  record.run = { ...run, ended: undefined };
  record.applied = "";
  clearObstacle(record);
  return true;
}
