import { DroverError } from "@drover/shared/errors";
import { textAt, type JsonRecord } from "@drover/shared/json";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import { backoffMs, type Backoff } from "@drover/shared/retry";

import { findHeir } from "../core/claims.ts";
import { definedGroup, isNamespace } from "../core/kinds.ts";
import type { PruneStep } from "../core/prune-order.ts";
import { describeDeletion, judgePrune } from "../core/prune.ts";
import {
  clearObstacle,
  departureOf,
  dropRecord,
  isPresent,
  type ApplicationRecord,
  type ObjectRecord,
  type Obstacle,
} from "../core/record.ts";
import { protectedObject } from "../core/self.ts";
import { keyIn, type Refusal, type Resource } from "../kube/api.ts";
import { findContent, findInstances } from "../kube/contents.ts";
import { deleteObject, fieldManager, getObject } from "../kube/objects.ts";
import { troubleOf, troubleOfError, type Trouble } from "../kube/trouble.ts";
import { claimsOn, findUnread, keptFor } from "./claims.ts";
import type { Context } from "./context.ts";
import { disown, release } from "./disown.ts";
import { explainRefusal } from "./rights.ts";

export interface PruneTarget {
  readonly application: ApplicationRecord;
  /** The whole application is to go, not only what left its bundle. */
  readonly removal: boolean;
}

/** Looks at and deletes single objects during one pass. What comes of it is in their records; neither call throws. */
export interface Pruner {
  /** Finds out whether the object is still there and ours. `waiting`: others have to go first, so it is not its turn. */
  look(record: ObjectRecord, waiting: boolean): Promise<void>;
  /** Deletes it, or says why not. */
  remove(record: ObjectRecord): Promise<PruneStep>;
}

/** The end of a deletion comes as an event; asking again is for events that got lost, and for what nobody tells. */
const backoff: Backoff = { baseMs: 500, factor: 2, capMs: 60_000, jitter: 0.2 };
/** An object that changes between each look and its deletion is deleted in any version, as long as its uid is the one. */
const versionedTries = 3;

/** Why an object is kept that another application may take over. */
export const keptForOthers: ReadonlySet<string> = new Set(["HandingOver", "WaitingForBundle"]);

/** An object as it was when it was looked at. */
interface Sight {
  readonly resource: Resource;
  readonly uid: string;
  readonly resourceVersion: string;
}

export function createPruner(context: Context, target: PruneTarget, signal: AbortSignal): Pruner {
  const sights = new Map<ObjectRecord, Sight>();
  /** What is not due when the pass begins is neither looked at nor deleted by it: the budget has not counted it. */
  const startedAt = context.clock.now();
  const guarded = async <T>(record: ObjectRecord, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (cause) {
      if (signal.aborted) throw cause;
      hold(context, record, troubleOfError(DroverError.from(cause)));
      return undefined;
    }
  };
  return {
    async look(record, waiting) {
      if (context.isOwnPart(record.key)) return spare(context, { ...target, record });
      // A definition is looked at once more when its own objects are gone: what it is then in use by is others'.
      const settled = waiting || definedGroup(record.key) === "" || record.departure?.inUse !== undefined;
      if (record.notBefore > startedAt && settled) return;
      const sight = await guarded(record, () => lookAt(context, { ...target, record, waiting }, signal));
      // Nothing keeps it for others any more: whether it may go is to be decided anew.
      if (sight !== undefined && keptForOthers.has(record.obstacle?.reason ?? "")) clearObstacle(record);
      // What was seen of a definition before its objects went says nothing of what is left.
      if (sight !== undefined && !waiting) sights.set(record, sight);
    },
    async remove(record) {
      const { application } = target;
      if (record.notBefore <= startedAt && !context.isOwnPart(record.key)) {
        const attempt = { ...target, record, sight: sights.get(record) };
        await guarded(record, () => deleteSeen(context, attempt, signal));
      }
      if (!isPresent(application, record)) return "gone";
      return record.obstacle?.reason === "Deleting" ? "deleting" : "stays";
    },
  };
}

interface Subject extends PruneTarget {
  readonly record: ObjectRecord;
}

/** undefined when there is nothing to delete; the record then says why, or is gone. */
async function lookAt(
  context: Context,
  subject: Subject & { readonly waiting: boolean },
  signal: AbortSignal,
): Promise<Sight | undefined> {
  const { application, record, waiting } = subject;
  const { key, version } = record;
  const unread = findUnread(context, application);
  if (unread !== undefined) return hold(context, record, keptFor(unread));
  const resource = await context.discovery.findAnyVersion({ group: key.group, version, kind: key.kind }, signal);
  if (resource === undefined) return forget(context, subject, "the cluster no longer has its kind");
  const forbidden = context.bounds.forbids(keyIn(resource, key));
  if (forbidden !== undefined) return hold(context, record, forbidden);
  const isDefinition = definedGroup(key) !== "";
  const live = await getObject(context.kube, { resource, at: key, metadataOnly: !isDefinition }, signal);
  if (live.kind === "gone") return forget(context, subject, "it is not there");
  if (live.kind === "refused") return refuse(context, { ...subject, resource, refusal: live.refusal }, signal);
  const verdict = judgePrune(record, live.object, { owner: context.ownerOf(application.name), manager: fieldManager });
  if (verdict.kind === "release") return letGo(context, subject, verdict);
  if (verdict.kind === "wait") return hold(context, record, { ...verdict, reason: "Deleting", retry: "soon" });
  if (livesOn(context, record, live.object)) return forget(context, subject, "it lives on under another kind");
  const heir = findHeir(claimsOn(context, application, key));
  if (heir !== undefined) return hold(context, record, keptFor(heir));
  if (verdict.kind === "keep") {
    const obstacle = await disown(context, subject, signal);
    return obstacle === undefined ? letGo(context, subject, verdict) : hold(context, record, obstacle);
  }
  const { uid, resourceVersion, asks } = verdict;
  record.uid = uid;
  departureOf(record).asks = asks;
  if (isDefinition && !waiting && !(await noteInstances(context, record, live.object, signal))) return undefined;
  return { resource, uid, resourceVersion };
}

/** A part of the agent is never looked for, let alone deleted. What was never written is nobody's to let go of. */
function spare(context: Context, subject: Subject): void {
  if (subject.record.uid === "") forget(context, subject, "it was refused");
  else letGo(context, subject, protectedObject);
}

/** Learns what a definition would take along. What a person has confirmed without that is not confirmed any more. */
async function noteInstances(
  context: Context,
  record: ObjectRecord,
  definition: JsonRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const departure = departureOf(record);
  const instances = await findInstances(context.kube, definition, signal);
  if (instances.kind === "unknown") {
    hold(context, record, cannotList(instances.refusal));
    return false;
  }
  const inUse = instances.kind === "some" ? (textAt(definition, "spec", "names", "kind") ?? "") : "";
  if (inUse !== "" && departure.inUse !== inUse) departure.confirmed = false;
  departure.inUse = inUse;
  return true;
}

/** Kinds may be served in two groups (case 29): then the object is the same, and has the same uid. */
function livesOn(context: Context, record: ObjectRecord, live: JsonRecord): boolean {
  const uid = textAt(live, "metadata", "uid");
  const { namespace, name, kind } = record.key;
  for (const { objects } of context.state.applications.values()) {
    for (const other of objects.values()) {
      if (other.uid !== uid || other.desired === "") continue;
      if (other.key.name === name && other.key.namespace === namespace && other.key.kind === kind) return true;
    }
  }
  return false;
}

async function deleteSeen(
  context: Context,
  subject: Subject & { readonly sight: Sight | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { record } = subject;
  let { sight } = subject;
  for (let attempt = 0; ; attempt += 1) {
    sight ??= await lookAt(context, { ...subject, waiting: false }, signal);
    if (sight === undefined || !(await mayDelete(context, subject, signal))) return;
    const { resource, uid, resourceVersion } = sight;
    const version = attempt < versionedTries ? { resourceVersion } : {};
    const deleted = await deleteObject(context.kube, { resource, at: record.key, uid, ...version }, signal);
    switch (deleted.kind) {
      case "gone":
        return forget(context, subject, "it is not there");
      case "deleted":
        if (deleted.finished) return forget(context, subject, "deleted");
        return hold(context, record, { reason: "Deleting", message: describeDeletion(deleted.object), retry: "soon" });
      case "refused":
        // Changed or made anew since it was looked at (case 45).
        if (deleted.refusal.status !== 409 || attempt >= versionedTries) {
          return refuse(context, { ...subject, resource, refusal: deleted.refusal }, signal);
        }
        sight = undefined;
    }
  }
}

/** The last look before the deletion; the record says why when it may not be. */
async function mayDelete(context: Context, subject: Subject, signal: AbortSignal): Promise<boolean> {
  const { application, record } = subject;
  if (isUnasked(record)) {
    // Another pass holds it.
    record.notBefore = 0;
    context.wake(application.name);
    return false;
  }
  if (isNamespace(record.key) && !(await isEmptied(context, subject, signal))) return false;
  // What was accepted while the object was looked at counts.
  const heir = findHeir(claimsOn(context, application, record.key)) ?? findUnread(context, application);
  if (heir !== undefined) hold(context, record, keptFor(heir));
  return heir === undefined && isOrdered(context, subject);
}

/** Something that wants a person to be asked was only found after the budget was looked at. */
function isUnasked({ departure }: ObjectRecord): boolean {
  if (departure === undefined || departure.confirmed) return false;
  return departure.asks || (departure.inUse ?? "") !== "";
}

/** A namespace with something in it that is not the application's is kept (E50), whoever has confirmed what. */
async function isEmptied(context: Context, subject: Subject, signal: AbortSignal): Promise<boolean> {
  const { record } = subject;
  const content = await findContent(context.kube, record.key.name, signal);
  if (content.kind === "none") return true;
  if (content.kind === "unknown") {
    hold(context, record, cannotList(content.refusal));
    return false;
  }
  const obstacle = await disown(context, subject, signal);
  if (obstacle === undefined) {
    release(context, subject, { reason: "NamespaceInUse", message: `it holds ${content.example}` });
  } else hold(context, record, obstacle);
  return false;
}

/** Whether the deletion is still what the hub has said, and may be made: either may have changed during this pass. */
function isOrdered(context: Context, { application, record, removal }: Subject): boolean {
  if (context.bounds.deletions !== undefined || (context.bounds.limited && !departureOf(record).counted)) return false;
  const intent = context.acceptance.intent(application.name);
  if (intent.kind === "remove") return removal && !intent.tombstone.detach;
  if (removal || intent.kind === "unknown" || record.desired !== "") return false;
  const { bundle, namespace, prune } = intent.assignment;
  return prune && bundle === application.bundle && namespace === application.namespace;
}

function letGo(context: Context, subject: Subject, why: Omit<Obstacle, "retry">): undefined {
  release(context, subject, why);
}

function forget(context: Context, { application, record }: Subject, why: string): undefined {
  dropRecord(application, record.key);
  context.log.info({ application: application.name, object: formatObjectKey(record.key), why }, "object released");
}

async function refuse(
  context: Context,
  refused: Subject & { readonly resource: Resource; readonly refusal: Refusal },
  signal: AbortSignal,
): Promise<undefined> {
  const { application, record, resource, refusal } = refused;
  // The kind may be gone: the next look asks for it anew.
  if (refusal.status === 404) context.discovery.forget(record.key.group);
  const { account } = application;
  const question = { resource, at: record.key, account, verbs: ["get", "delete"], refusal } as const;
  hold(context, record, await explainRefusal(context.kube, question, signal));
}

/** What would go with an object has to be known before it goes. */
function cannotList(refusal: Refusal): Obstacle {
  const { reason, retry } = troubleOf(refusal);
  return { reason, message: `it stays: what would go with it cannot be listed (status ${refusal.status})`, retry };
}

function hold(context: Context, record: ObjectRecord, trouble: Obstacle & Pick<Trouble, "retryAfterMs">): undefined {
  const { reason, message, retry, retryAfterMs = 0 } = trouble;
  record.obstacle = { reason, message, retry };
  const waitMs = backoffMs(backoff, record.attempts, context.random);
  record.notBefore = context.clock.now() + Math.max(waitMs, retryAfterMs);
  record.attempts += 1;
}
