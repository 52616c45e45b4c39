import { DroverError } from "@drover/shared/errors";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import { backoffMs, type Backoff } from "@drover/shared/retry";

import { findHeir } from "../core/claims.ts";
import { abandonReason, judgePrune } from "../core/prune.ts";
import { dropRecord, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { groupByStage } from "../core/stages.ts";
import type { Refusal, Resource } from "../kube/api.ts";
import { deleteObject, getObject } from "../kube/objects.ts";
import { troubleOfError, type Trouble } from "../kube/trouble.ts";
import { claimsOn, findUnread, keptFor } from "./claims.ts";
import type { Context } from "./context.ts";
import { allEnded } from "./limit.ts";
import { explainRefusal } from "./rights.ts";

const backoff: Backoff = { baseMs: 250, factor: 2, capMs: 60_000, jitter: 0.2 };

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
    const due = group.filter((record) => record.notBefore <= context.clock.now());
    await allEnded(due.map((record) => context.limit(() => pruneRecord(context, { application, record }, signal))));
    // What is in a namespace, or of a kind, goes before the namespace or the kind itself.
    if (group.some((record) => application.objects.has(formatObjectKey(record.key)))) return;
  }
}

async function pruneRecord(
  context: Context,
  target: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  try {
    await pruneObject(context, target, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    hold(context, target.record, troubleOfError(DroverError.from(cause)));
  }
}

async function pruneObject(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  const { key, version } = record;
  const unread = findUnread(context, application);
  if (unread !== undefined) return hold(context, record, keptFor(unread));
  const resource = await context.discovery.findAnyVersion({ group: key.group, version, kind: key.kind }, signal);
  const forget = (why: string): void => {
    dropRecord(application, key);
    context.log.info({ application: application.name, object: formatObjectKey(key), why }, "object released");
  };
  if (resource === undefined) return forget("the cluster no longer has its kind");
  const live = await getObject(context.kube, { resource, at: key, metadataOnly: true }, signal);
  if (live.kind === "gone") return forget("it is not there");
  const refused = (refusal: Refusal): Promise<Trouble> => {
    const { account } = application;
    return explainRefusal(context.kube, { resource, at: key, account, verbs: ["get", "delete"], refusal }, signal);
  };
  if (live.kind === "refused") return hold(context, record, await refused(live.refusal));
  const judgement = judgePrune(record, live.object, context.ownerOf(application.name));
  if (judgement.kind === "release") return forget(judgement.reason);
  if (judgement.kind === "wait") return hold(context, record, stillThere);
  const survivor = findSurvivor(application, record, judgement.uid);
  if (survivor !== undefined) return forget(`it lives on as ${formatObjectKey(survivor.key)}`);
  // What was accepted while the object was looked at counts.
  const heir = findHeir(claimsOn(context, application, key)) ?? findUnread(context, application);
  if (heir !== undefined) return hold(context, record, keptFor(heir));
  const deleted = await deleteObject(context.kube, { resource, at: key, uid: judgement.uid }, signal);
  if (deleted.kind === "refused") return hold(context, record, await refused(deleted.refusal));
  if (deleted.kind === "gone") return forget("it is not there");
  if (deleted.finished || (await isGone(context, { resource, record }, signal))) return forget("deleted");
  hold(context, record, stillThere);
}

/** The record of the same object in another group, as of an Ingress that moved from extensions to networking.k8s.io. */
function findSurvivor(application: ApplicationRecord, record: ObjectRecord, uid: string): ObjectRecord | undefined {
  const { kind } = record.key;
  return [...application.objects.values()].find((other) => {
    return other !== record && other.uid === uid && other.desired !== "" && other.key.kind === kind;
  });
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

const stillThere: Trouble = {
  reason: "Deleting",
  message: "its deletion waits for finalizers or dependants",
  retry: "soon",
};

/** The end of a deletion comes as an event; asking again is for events that got lost. */
function hold(context: Context, record: ObjectRecord, { reason, message, retry, retryAfterMs = 0 }: Trouble): void {
  record.obstacle = { reason, message, retry };
  const waitMs = backoffMs(backoff, record.attempts, context.random);
  record.notBefore = context.clock.now() + Math.max(waitMs, retryAfterMs);
  record.attempts += 1;
}
