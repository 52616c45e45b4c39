import { digestOf } from "@drover/shared/digest";
import { formatObjectKey, type KubeObject } from "@drover/shared/kube/manifest";

import { judgeDelete } from "../core/prune.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { judgeRecreate } from "../core/recreate.ts";
import type { Refusal, Resource } from "../kube/api.ts";
import { applyObject, deleteObject, fieldManager, getObject, type Applied } from "../kube/objects.ts";
import type { Trouble } from "../kube/trouble.ts";
import type { Context } from "./context.ts";
import { explainRefusal } from "./rights.ts";
import { syncOf } from "./sync.ts";

export interface RecreateTarget {
  readonly application: ApplicationRecord;
  readonly record: ObjectRecord;
  readonly resource: Resource;
}

/**
 * What to do about a 422 on an object that is there. The server says the same of an invalid object and of one that only
 * cannot become this; the second is deleted when it may be, and then applied like any other that is not there: nothing
 * has to be remembered for that, so a crash in between heals by itself. undefined: it is gone, apply it now.
 */
export async function recreate(
  context: Context,
  target: RecreateTarget & { readonly payload: KubeObject; readonly invalid: Trouble },
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const { invalid } = target;
  const verdict = await judgeUnprocessable(context, target, signal);
  if (verdict.kind === "keep") return verdict.trouble;
  const cleared = await clearAway(context, { ...target, propagation: verdict.propagation }, signal);
  return cleared === "foreign" ? immutable(invalid, "somebody else made it, so it is left alone") : cleared;
}

/** What a 422 comes to: an object to be deleted and made anew, or the reason why it stays as it is. */
export async function judgeUnprocessable(
  context: Context,
  object: Pick<RecreateTarget, "application" | "resource"> & {
    readonly payload: KubeObject;
    readonly invalid: Trouble;
  },
  signal: AbortSignal,
): Promise<
  | { readonly kind: "recreate"; readonly propagation: "Background" | "Orphan" }
  | { readonly kind: "keep"; readonly trouble: Trouble }
> {
  const { application, payload, invalid } = object;
  const probe = await tryElsewhere(context, object, signal);
  if (probe.kind === "refused") {
    // Any other refusal than of the content leaves it open which of the two it is, so it is asked again.
    const trouble: Trouble = probe.refusal.status === 422 ? invalid : { ...invalid, retry: "later" };
    return { kind: "keep", trouble };
  }
  const verdict = judgeRecreate(payload, syncOf(context, application.name));
  return verdict.kind === "recreate" ? verdict : { kind: "keep", trouble: immutable(invalid, verdict.remedy) };
}

function immutable({ message }: Trouble, remedy: string): Trouble {
  const text = `a field cannot be changed on the live object: ${message}; ${remedy}`;
  return { reason: "Immutable", message: text, retry: "changed" };
}

/**
 * Deletes exactly the object that we applied, as it is now, to make place for another. undefined when it is gone; a
 * trouble while it is not; `foreign` when the object is not the one that we applied.
 */
export async function clearAway(
  context: Context,
  target: RecreateTarget & { readonly propagation: "Background" | "Orphan" },
  signal: AbortSignal,
): Promise<Trouble | "foreign" | undefined> {
  const { application, record, resource, propagation } = target;
  const find = { resource, at: record.key, metadataOnly: true };
  const live = await getObject(context.kube, find, signal);
  const refused = (refusal: Refusal): Promise<Trouble> => {
    const { account } = application;
    const verbs = ["get", "delete"] as const;
    return explainRefusal(context.kube, { resource, at: record.key, account, verbs, refusal }, signal);
  };
  if (live.kind === "refused") return refused(live.refusal);
  if (live.kind === "found") {
    const judgement = judgeDelete(record, live.object, {
      owner: context.ownerOf(application.name),
      manager: fieldManager,
    });
    if (judgement.kind === "release") return "foreign";
    if (judgement.kind === "wait") return stillThere;
    const { uid, resourceVersion } = judgement;
    const deletion = { resource, at: record.key, uid, resourceVersion, propagation };
    const deleted = await deleteObject(context.kube, deletion, signal);
    if (deleted.kind === "refused") return refused(deleted.refusal);
    context.log.info(
      { application: application.name, object: formatObjectKey(record.key), uid },
      "object cleared away",
    );
    if (deleted.kind === "deleted" && !deleted.finished) {
      const after = await getObject(context.kube, find, signal);
      if (after.kind !== "gone") return stillThere;
    }
  }
  // From here on it is an object that is not there yet; the inventory learns so before it is made.
  record.applied = "";
  record.repair = undefined;
  record.uid = "";
  application.shape += 1;
  return undefined;
}

/** Its end comes as an event; asking again is for events that got lost. */
const stillThere: Trouble = {
  reason: "Recreating",
  message: "it is made anew as soon as finalizers and dependants let the old one go",
  retry: "soon",
};

/**
 * A 422 does not say whether the object is invalid or only cannot become this. The same object under a name that
 * nobody has tells: the server would take it (and, since it is a dry run, does nothing). Case 34.
 */
function tryElsewhere(
  context: Context,
  { resource, payload }: { readonly resource: Resource; readonly payload: KubeObject },
  signal: AbortSignal,
): Promise<Applied> {
  const name = `drover-probe-${digestOf(payload.metadata.name).slice(7, 17)}`;
  const at = { namespace: payload.metadata.namespace ?? "", name };
  const body = JSON.stringify({ ...payload, metadata: { ...payload.metadata, name } });
  return applyObject(context.kube, { resource, at, body, metadataOnly: true, dryRun: true }, signal);
}
