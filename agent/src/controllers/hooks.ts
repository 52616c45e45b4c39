import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import { assess } from "../core/health/index.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { holdsData } from "../core/recreate.ts";
import { hasEnded, hasFailed, isOfRemoval } from "../core/run.ts";
import { isOfRun, noteRemoved, runsWhenMade } from "../core/runs.ts";
import { keyIn } from "../kube/api.ts";
import { deleteObject, getObject } from "../kube/objects.ts";
import { troubleOf, type Trouble } from "../kube/trouble.ts";
import type { Context } from "./context.ts";
import { allEnded } from "./limit.ts";
import { clearAway, type RecreateTarget } from "./recreate.ts";

/**
 * Makes place for the run of a hook: what an earlier run left is deleted, whatever its policy says, because its name is
 * needed. What has this very run behind it, as after a crash, stays. undefined: the hook may be applied now.
 */
export async function beforeRun(
  context: Context,
  target: RecreateTarget,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const { record, resource } = target;
  const { run } = record;
  // What does nothing by being made is applied in place, and nothing that holds data is deleted for this.
  if (run?.hook === undefined || !runsWhenMade(record.key)) return undefined;
  const live = await getObject(context.kube, { resource, at: record.key, metadataOnly: false }, signal);
  if (live.kind === "gone") return undefined;
  if (live.kind === "refused") return troubleOf(live.refusal);
  const isDeleted = textAt(live.object, "metadata", "deletionTimestamp") !== undefined;
  // A run that has failed and is due was asked for once more; one of a removal then goes by another name.
  const mayHaveFailed = isOfRemoval(run.stage) || assess(record.key, live.object).health !== "Failed";
  const isThisRun = isOfRun(live.object, run) && mayHaveFailed;
  if (isThisRun && !isDeleted) return undefined;
  const cleared = await clearAway(context, { ...target, propagation: "Background" }, signal);
  // Whether it may be taken over is for the apply to say.
  return cleared === "foreign" ? undefined : cleared;
}

/** Deletes hooks that are not to stay, once all of their stage have ended or one has failed. */
export async function sweepHooks(context: Context, application: ApplicationRecord, signal: AbortSignal): Promise<void> {
  const open = new Set<string>();
  const stopped = new Set<string>();
  const hooks = [...application.objects.values()].filter(({ run }) => run?.hook !== undefined);
  for (const { run } of hooks) {
    if (run === undefined || run.id === "") continue;
    if (!hasEnded(run)) open.add(run.id);
    if (hasFailed(run)) stopped.add(run.id);
  }
  const due = hooks.filter((record) => {
    const { run, uid, key } = record;
    if (run?.ended === undefined || uid === "" || holdsData(key)) return false;
    const { id, outcome } = run.ended;
    // What succeeds in a removal goes with the rest, when the whole stage has succeeded.
    if (isOfRemoval(run.stage) && outcome === "success") return false;
    // It may be doing its next run already.
    const isLast = run.id === "" || run.id === id;
    const isStageOver = !open.has(id) || stopped.has(id);
    return isLast && isStageOver && run.hook?.deleteAfter.includes(outcome) === true;
  });
  await allEnded(due.map((record) => context.limit(() => sweep(context, { application, record }, signal))));
}

/** Its end is taken in here or by the watch; what cannot be deleted now is tried again when anything happens. */
async function sweep(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  const { key, version, uid } = record;
  try {
    const resource = await context.discovery.find({ group: key.group, version, kind: key.kind }, signal);
    if (resource === undefined || context.bounds.forbids(keyIn(resource, key)) !== undefined) return;
    const deleted = await deleteObject(context.kube, { resource, at: key, uid }, signal);
    if (deleted.kind === "refused") throw new DroverError("api_unreachable", troubleOf(deleted.refusal).message);
    const after = await getObject(context.kube, { resource, at: key, metadataOnly: true }, signal);
    if (after.kind === "gone") noteRemoved(application, record, { unseen: false });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const { code, message } = DroverError.from(cause);
    context.log.warn({ object: formatObjectKey(key), code, reason: message }, "hook could not be deleted");
  }
}
