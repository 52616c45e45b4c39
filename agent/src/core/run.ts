import { canonicalJson, digestOf, type Digest } from "@drover/shared/digest";
import { at } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";

import type { Hook, Outcome, Stage } from "./hooks.ts";

/** Of an object that runs to an end, a Job or a hook, rather than being kept as it is. */
export interface Run {
  /** undefined for a Job that is no hook. */
  readonly hook: Hook | undefined;
  /** What the object is to run for: of a Job its spec, of a hook a bundle or removal, and a stage; "" = nothing for now. */
  readonly id: string;
  readonly stage: Stage;
  /** Whether the cluster deletes it some time after its end. */
  readonly expires: boolean;
  readonly ended: Ended | undefined;
}

/** The last run that has come to its end. */
export interface Ended {
  readonly id: string;
  readonly outcome: Outcome;
}

/** What is to be known of a Job or a hook that a bundle has; `before` is what was known of it. */
export function createRun(object: KubeObject, hook: Hook | undefined, before: Run | undefined): Run | undefined {
  const isJob = object.kind === "Job" && object.apiVersion.startsWith("batch/");
  if (!isJob && hook === undefined) return undefined;
  return {
    hook,
    id: hook === undefined ? digestOf(canonicalJson(object["spec"] ?? {})).slice(7, 23) : "",
    stage: "main",
    expires: at(object, "spec", "ttlSecondsAfterFinished") !== undefined,
    ended: before?.ended,
  };
}

/** What a hook runs for in turn, bundle by bundle. */
const sequence = ["pre", "main", "post"] as const;

export interface Occasion {
  readonly bundle: Digest;
  /** Whether another bundle was applied before. */
  readonly later: boolean;
}

/**
 * The run that a hook is to do next for a bundle; with id "" when there is none (left). One that failed stays the next
 * one: nothing after it is to start.
 */
export function nextRun(run: Run, hook: Hook, { bundle, later }: Occasion): Run {
  const stages = sequence.filter((stage) => {
    const occasion = hook.stages[stage];
    if (occasion === undefined || occasion === "any") return occasion === "any";
    if (occasion === "later") return later;
    // What was run once with another bundle has had its first time, even if the rest is not known any more.
    const elsewhere = run.ended !== undefined && !run.ended.id.startsWith(runId(bundle, ""));
    return !later && !(elsewhere && run.ended?.outcome === "success");
  });
  const last = stages.findIndex((stage) => run.ended?.id === runId(bundle, stage));
  const next = run.ended?.outcome === "failure" ? Math.max(0, last) : last + 1;
  const stage = stages[next];
  return stage === undefined ? { ...run, id: "" } : { ...run, stage, id: runId(bundle, stage) };
}

/** What an inventory tells of an object that has ended. */
export function endedRun(ended: Ended): Run {
  return { hook: undefined, id: ended.id, stage: "main", expires: false, ended };
}

/** The run of a stage that does not follow from the ones before. */
export function runIn(run: Run, stage: Stage, bundle: Digest): Run {
  return { ...run, stage, id: runId(bundle, stage) };
}

/** What a hook runs for in turn when its application is removed. */
const removalSequence = ["pre-delete", "post-delete"] as const;

export function isOfRemoval(stage: Stage): boolean {
  return stage === "pre-delete" || stage === "post-delete";
}

/**
 * The run that a hook is to do next for a removal; with id "" when there is none (left). An attempt that is under way or
 * has failed stays the next one, see `nextAttempt`.
 */
export function nextRemovalRun(run: Run, hook: Hook, removal: string): Run {
  const stages = removalSequence.filter((stage) => hook.stages[stage] !== undefined);
  const isOf = (id: string, stage: Stage): boolean => id.startsWith(`${removal}-${stage}-`);
  const ended = run.ended ?? { id: "", outcome: "success" };
  const last = stages.findIndex((stage) => isOf(ended.id, stage));
  const stage = stages[ended.outcome === "failure" ? Math.max(0, last) : last + 1];
  if (stage === undefined) return { ...run, id: "" };
  const id = [run.id, ended.id].find((id) => isOf(id, stage));
  return { ...run, stage, id: id ?? `${removal}-${stage}-1` };
}

/** A removal's run that has failed, once more: under another name, so that what the failed one left is not taken for it. */
export function nextAttempt(run: Run): Run {
  const dash = run.id.lastIndexOf("-");
  return { ...run, id: `${run.id.slice(0, dash)}-${Number(run.id.slice(dash + 1)) + 1}` };
}

function runId(bundle: Digest, stage: string): string {
  return `${bundle.slice(7, 23)}-${stage}`;
}

/** Whether the run that is asked for has come to its end: it is not to be done again. */
export function hasEnded(run: Run | undefined): boolean {
  return run?.ended !== undefined && run.ended.id === run.id;
}

/** Whether there is nothing to do, or nothing any more. */
export function isOver(run: Run): boolean {
  return (run.hook !== undefined && run.id === "") || hasEnded(run);
}

export function hasFailed(run: Run | undefined): boolean {
  return hasEnded(run) && run?.ended?.outcome === "failure";
}
