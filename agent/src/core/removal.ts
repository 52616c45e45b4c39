import { canonicalJson, digestOf } from "@drover/shared/digest";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";
import type { HeldPrune } from "@drover/shared/link/link";

import type { Stage } from "./hooks.ts";
import { definedGroup, isNamespace } from "./kinds.ts";
import type { ApplicationRecord, ObjectRecord } from "./record.ts";
import { hasFailed, nextAttempt, nextRemovalRun, type Run } from "./run.ts";
import { planRun } from "./runs.ts";

/**
 * Gives the removal a name, unless it goes on. True when the application had a bundle until now, whose content is still
 * needed; should it be assigned again, it has to be taken in from the start.
 */
export function beginRemoval(application: ApplicationRecord): boolean {
  const { bundle, objects } = application;
  const isKnown = bundle !== "" || [...objects.values()].some(({ desired }) => desired !== "");
  if (bundle !== "" || (isKnown && application.removal === "")) {
    // The same after a crash, as long as nothing of this was remembered; another one after an assignment in between.
    application.removal = digestOf(`${application.removal} ${bundle}`).slice(7, 23);
  }
  if (bundle !== "") application.previous = bundle;
  application.bundle = "";
  return bundle !== "";
}

/** Whether the object is a hook that the removal has still to run; anything else leaves. */
export function isAwaited(application: ApplicationRecord, record: ObjectRecord): boolean {
  return (runFor(application, record)?.id ?? "") !== "";
}

function runFor({ removal }: ApplicationRecord, { run, desired }: ObjectRecord): Run | undefined {
  if (run?.hook === undefined || desired === "" || removal === "") return undefined;
  return nextRemovalRun(run, run.hook, removal);
}

/** Whether any object has to do with removals, whether or not it has been run. */
export function hasRemovalHooks({ objects }: ApplicationRecord): boolean {
  return [...objects.values()].some(({ run }) => {
    const stages = run?.hook?.stages;
    return stages?.["pre-delete"] !== undefined || stages?.["post-delete"] !== undefined;
  });
}

/** The stage whose hooks are to be run now; undefined when objects are to be deleted. */
export function removalStage(application: ApplicationRecord): Stage | undefined {
  const awaited = [...application.objects.values()].filter((record) => isAwaited(application, record));
  if (awaited.length === 0) return undefined;
  if (awaited.some((record) => runFor(application, record)?.stage === "pre-delete")) return "pre-delete";
  const isLeft = (record: ObjectRecord): boolean =>
    awaited.includes(record) || awaited.some(({ key }) => isHome(record.key, key));
  return [...application.objects.values()].every(isLeft) ? "post-delete" : undefined;
}

/** Whether one object has to be there for the other to be made. */
function isHome(home: ObjectKey, { namespace, group }: ObjectKey): boolean {
  return isNamespace(home) ? home.name === namespace : definedGroup(home) !== "" && definedGroup(home) === group;
}

/**
 * Has every hook know what it is to run for in this stage of the removal. Returns what waits for a person to confirm that
 * it is run again: nothing is deleted on the strength of a hook that has failed.
 */
export function planRemoval(
  application: ApplicationRecord,
  { stage, confirmed }: { readonly stage: Stage | undefined; readonly confirmed: string },
): HeldPrune | undefined {
  const failed: ObjectRecord[] = [];
  for (const record of application.objects.values()) {
    const run = runFor(application, record);
    if (run === undefined) continue;
    planRun(record, run.stage === stage ? run : { ...run, id: "" });
    if (hasFailed(record.run)) failed.push(record);
  }
  if (failed.length === 0) return undefined;
  const digest = digestOfFailed(failed);
  if (digest !== confirmed) return { digest, objects: failed.length, reason: "HookFailed" };
  for (const record of failed) if (record.run !== undefined) planRun(record, nextAttempt(record.run));
  return undefined;
}

/** Names exactly these attempts: confirming them says nothing of the ones after. */
function digestOfFailed(records: readonly ObjectRecord[]): string {
  const rows = records.map(({ key, run }) => canonicalJson([formatObjectKey(key), run?.id ?? ""]));
  return digestOf(rows.toSorted().join("\n"));
}
