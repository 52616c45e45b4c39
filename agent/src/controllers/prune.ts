import { formatObjectKey } from "@drover/shared/kube/manifest";

import { abandonReason, judgePrune } from "../core/prune.ts";
import { dropRecord, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { groupByStage } from "../core/stages.ts";
import type { Refusal, Resource } from "../kube/api.ts";
import { deleteObject, getObject } from "../kube/objects.ts";
import { troubleOf } from "../kube/trouble.ts";
import type { Context } from "./context.ts";

export interface PruneOptions {
  readonly application: ApplicationRecord;
  readonly prune: boolean;
}

/**
 * Deletes what left the bundle, in the reverse order of applying. A record goes only after the server has said that
 * its object is not there; until then the inventory keeps it.
 */
export async function pruneObjects(context: Context, options: PruneOptions, signal: AbortSignal): Promise<void> {
  const { application, prune } = options;
  const candidates: ObjectRecord[] = [];
  for (const record of application.objects.values()) {
    if (record.desired !== "") continue;
    record.abandoned = abandonReason(record, { prune });
    if (record.abandoned === "") candidates.push(record);
  }
  for (const group of groupByStage(candidates, (record) => record.key).toReversed()) {
    await Promise.all(
      group.map((record) => context.limit(() => pruneObject(context, { application, record }, signal))),
    );
    // What is in a namespace, or of a kind, goes before the namespace or the kind itself.
    if (group.some((record) => application.objects.has(formatObjectKey(record.key)))) return;
  }
}

async function pruneObject(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  const { key, version } = record;
  const resource = await context.discovery.findAnyVersion({ group: key.group, version, kind: key.kind }, signal);
  const forget = (why: string): void => {
    dropRecord(application, key);
    context.log.info({ application: application.name, object: formatObjectKey(key), why }, "object released");
  };
  if (resource === undefined) return forget("the cluster no longer has its kind");
  const live = await getObject(context.kube, { resource, at: key, metadataOnly: true }, signal);
  if (live.kind === "gone") return forget("it is not there");
  if (live.kind === "refused") return hold(context, record, live.refusal);
  const judgement = judgePrune(record, live.object, application.name);
  if (judgement.kind === "release") return forget(judgement.reason);
  if (judgement.kind === "wait") return wait(record);
  const deleted = await deleteObject(context.kube, { resource, at: key, uid: judgement.uid }, signal);
  if (deleted.kind === "refused") return hold(context, record, deleted.refusal);
  if (deleted.kind === "gone" || deleted.kind === "other") return forget("it is not there");
  if (deleted.finished || (await isGone(context, { resource, record }, signal))) return forget("deleted");
  wait(record);
}

/** Most servers answer a finished deletion with the object's last state, which looks like one that goes on. */
async function isGone(
  context: Context,
  { resource, record }: { readonly resource: Resource; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<boolean> {
  const live = await getObject(context.kube, { resource, at: record.key, metadataOnly: true }, signal);
  return live.kind === "gone";
}

function wait(record: ObjectRecord): void {
  record.obstacle = { reason: "Deleting", message: "its deletion waits for finalizers or dependants", retry: "soon" };
}

function hold(context: Context, record: ObjectRecord, refusal: Refusal): void {
  const { reason, message, retry } = troubleOf(refusal);
  record.obstacle = { reason, message: reason === "Forbidden" ? "the agent may not delete it" : message, retry };
  record.attempts += 1;
  context.log.debug({ object: formatObjectKey(record.key), status: refusal.status }, "prune refused");
}
