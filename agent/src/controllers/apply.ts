import { DroverError } from "@drover/shared/errors";
import { numberAt, textAt } from "@drover/shared/json";
import { formatObjectKey, type KubeObject, type ObjectKey } from "@drover/shared/kube/manifest";
import { backoffMs, type Backoff } from "@drover/shared/retry";

import { findRival } from "../core/claims.ts";
import { heatUp } from "../core/contest.ts";
import { driftedFields, ownHash, type DriftedFields } from "../core/drift.ts";
import { applicationLabel } from "../core/owner.ts";
import { payloadOf } from "../core/payload.ts";
import {
  clearObstacle,
  needsApply,
  notFound,
  setVerdict,
  type ApplicationRecord,
  type ObjectRecord,
  type Obstacle,
  type Repair,
} from "../core/record.ts";
import { hasEnded } from "../core/run.ts";
import { noteEnd, noteRemoved, stampRun } from "../core/runs.ts";
import { protectedObject } from "../core/self.ts";
import { foreseeDuplicates, takeOver } from "../core/takeover.ts";
import { keyIn, type Refusal } from "../kube/api.ts";
import { fieldManager, getObject, replaceManagedFields, type Applied } from "../kube/objects.ts";
import { duplicateFields, maybeInvalid, troubleOfError, type Trouble } from "../kube/trouble.ts";
import { readObject } from "./bundle.ts";
import { claimsOn, isHeld, keptBy, settleClaims } from "./claims.ts";
import type { Context } from "./context.ts";
import { findExtras, noteRewrite, tolerate } from "./drift.ts";
import { beforeRun } from "./hooks.ts";
import { recreate } from "./recreate.ts";
import { explainRefusal } from "./rights.ts";
import { yieldsOf } from "./scalers.ts";
import { syncOf } from "./sync.ts";
import { leaveGoneVersions } from "./versions.ts";
import { writeObject, type Writing, type Written } from "./write.ts";

const soon: Backoff = { baseMs: 250, factor: 2, capMs: 60_000, jitter: 0.2 };
const later: Backoff = { baseMs: 5_000, factor: 2, capMs: 300_000, jitter: 0.2 };
/** What the server called invalid is tried again this rarely, in case the server's mind or version has changed. */
const recheckMs = 30 * 60_000;
/** A 500 without a reason that comes back this often is about the object, not about the server. */
export const invalidAfter = 3;

/** One server-side apply of one object. The outcome is in its record; only what is not about the object throws. */
export async function applyRecord(
  context: Context,
  options: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  signal: AbortSignal,
): Promise<void> {
  const { application, record } = options;
  const { key, version } = record;
  const digest = record.desired;
  // It may have left the bundle while it waited for its turn.
  if (!needsApply(record)) return;
  const object = await readObject(context, digest);
  const owner = context.ownerOf(application.name);
  const payload = stampRun(payloadOf(object, { owner, namespace: key.namespace }), record.run);
  // Nothing is awaited between this look and the claim that being in flight is.
  const rival = findRival({ application: application.name, held: isHeld(record) }, claimsOn(context, application, key));
  if (rival !== undefined) return hold(context, record, keptBy(rival));
  record.inFlight = true;
  try {
    const resource = await context.discovery.find({ group: key.group, version, kind: key.kind }, signal);
    if (resource === undefined || !record.placed) return hold(context, record, missingKind);
    const blocked =
      forbiddenIn(context, keyIn(resource, key)) ??
      (await beforeRun(context, { application, resource, record }, signal));
    if (blocked !== undefined) return hold(context, record, blocked);
    const { adopt, ignore, drift: mode } = syncOf(context, application.name);
    const yields = await yieldsOf(context, { application, record, payload }, ignore);
    const attempt = { application, resource, record, payload, owner, adopt, yields };
    if (await tolerate(context, { ...attempt, mode }, signal)) return;
    noteDrift(record, payload);
    const applied = await write(context, attempt, signal);
    if (record.desired !== digest) return noteMade(application, record, applied);
    if (applied.kind === "applied") {
      settle(context, { application, record }, { applied, payload });
      await noteRewrite(context, { ...attempt, answer: applied.object }, signal);
    } else if (applied.kind === "held") hold(context, record, applied.trouble);
    else if (applied.kind === "ended") noteEndedAway(application, record);
    else await refuse(context, { ...attempt, refusal: applied.refusal }, signal);
  } catch (cause) {
    const error = DroverError.from(cause);
    if (signal.aborted || error.code === "blob_missing") throw error;
    hold(context, record, troubleOfError(error));
  } finally {
    record.inFlight = false;
    context.replayEcho(application.name, formatObjectKey(key));
  }
}

export const refusedAsOwn: Trouble = { ...protectedObject, retry: "changed" };

/** What no application may write: the agent's own parts, and what its cluster's policy forbids. */
function forbiddenIn({ isOwnPart, bounds }: Context, key: ObjectKey): Trouble | undefined {
  return isOwnPart(key) ? refusedAsOwn : bounds.forbids(key);
}

export const missingKind: Trouble = {
  reason: "WaitingForKind",
  message: "the cluster does not have this kind",
  retry: "kind",
};

async function write(context: Context, writing: Writing, signal: AbortSignal): Promise<Written> {
  const { record, payload } = writing;
  const evidence = record.repair?.kind === "changed" ? record.repair.evidence : undefined;
  const foreseen =
    evidence === undefined ? [] : foreseeDuplicates(evidence, { desired: payload, manager: fieldManager });
  if (record.repair?.kind === "added") await claimExtras(context, writing, signal);
  // An apply that is going to be refused need not be tried.
  if (foreseen.length > 0) await clearWay(context, { ...writing, duplicates: foreseen }, signal);
  const written = await writeObject(context, writing, signal);
  if (written.kind !== "refused") return written;
  const again = await canRetry(context, { ...writing, refusal: written.refusal }, signal);
  return again ? writeObject(context, writing, signal) : written;
}

/** Makes ours what others added, so that the apply removes it. What has changed meanwhile is found by the next event. */
async function claimExtras(context: Context, writing: Writing, signal: AbortSignal): Promise<void> {
  const { resource, record } = writing;
  const live = await getObject(context.kube, { resource, at: record.key, metadataOnly: true }, signal);
  if (live.kind !== "found") return;
  const extras = findExtras(context, { application: writing.application.name, record }, live.object);
  if (extras === undefined) return;
  const resourceVersion = textAt(live.object, "metadata", "resourceVersion") ?? "";
  const { managedFields } = extras;
  await replaceManagedFields(context.kube, { resource, at: record.key, resourceVersion, managedFields }, signal);
}

type Attempt = Pick<Writing, "application" | "resource" | "record" | "payload">;

/** Takes away what kept an apply from going through, if that is known; true when it may be tried again at once. */
async function canRetry(
  context: Context,
  failed: Attempt & { readonly refusal: Refusal },
  signal: AbortSignal,
): Promise<boolean> {
  const duplicates = duplicateFields(failed.refusal);
  const cleared = await clearWay(context, { ...failed, duplicates }, signal);
  // That says nothing about the object.
  if (cleared === "unsure") {
    throw new DroverError("api_unreachable", "it could not be looked at or taken over, or has changed meanwhile");
  }
  return cleared === "cleared" || leaveGoneVersions(context, failed, signal);
}

/** When somebody edited the key of a list item of ours, takes the item over: then the apply may go through. */
async function clearWay(
  context: Context,
  { resource, record, payload, duplicates }: Attempt & { readonly duplicates: readonly string[] },
  signal: AbortSignal,
): Promise<"cleared" | "nothing" | "unsure"> {
  if (duplicates.length === 0 || record.repair === undefined) return "nothing";
  const live = await getObject(context.kube, { resource, at: record.key, metadataOnly: false }, signal);
  if (live.kind !== "found") return "unsure";
  const managedFields = takeOver(live.object, { desired: payload, duplicates, manager: fieldManager });
  if (managedFields === undefined) return "nothing";
  const resourceVersion = textAt(live.object, "metadata", "resourceVersion") ?? "";
  const change = { resource, at: record.key, resourceVersion, managedFields };
  return (await replaceManagedFields(context.kube, change, signal)) === undefined ? "unsure" : "cleared";
}

/** It left the bundle while it was written: only which object it is by now still matters, for its removal. */
function noteMade(application: ApplicationRecord, record: ObjectRecord, written: Written): void {
  if (written.kind !== "applied") return;
  const uid = textAt(written.object, "metadata", "uid") ?? "";
  if (uid === record.uid) return;
  application.shape += 1;
  record.uid = uid;
  record.created ||= written.created;
}

/** The server has taken the object: remembers what tells a later change of it apart from this one. */
function settle(
  context: Context,
  { application, record }: { readonly application: ApplicationRecord; readonly record: ObjectRecord },
  { applied, payload }: { readonly applied: Success; readonly payload: KubeObject },
): void {
  const { object, created } = applied;
  noteDrift(record, payload, applied);
  if (record.repair !== undefined && record.repair.kind !== "asked") {
    record.heat = heatUp(record.heat, context.clock.now());
  }
  const uid = textAt(object, "metadata", "uid") ?? "";
  if (uid !== record.uid || (created && !record.created)) application.shape += 1;
  record.uid = uid;
  record.resourceVersion = textAt(object, "metadata", "resourceVersion") ?? "";
  record.generation = numberAt(object, "metadata", "generation") ?? 0;
  record.ownHash = ownHash(object, fieldManager);
  record.created ||= created;
  setVerdict(record, context.assess(application.name, record, object));
  record.applied = record.desired;
  record.tolerated = "";
  record.repair = undefined;
  record.obstacle = undefined;
  record.attempts = 0;
  record.notBefore = 0;
  if (noteEnd(application, record, object)) context.wake(application.name);
  settleClaims(context, application, record.key);
  if (textAt(object, "metadata", "deletionTimestamp") === undefined || hasEnded(record.run)) return;
  // The server takes an apply of an object that is being deleted, but it is futile: it has to be made anew afterwards.
  hold(context, record, { reason: "Terminating", message: "it is being deleted by somebody", retry: "later" });
}

/** Tells what somebody else had changed: before the repair as far as the metadata tells, and for sure after it. */
function noteDrift(record: ObjectRecord, payload: KubeObject, repaired?: Success): void {
  const { repair } = record;
  if (repair === undefined || repair.kind === "asked") return;
  if (repair.kind === "left" && repaired !== undefined && isUntouched(record, repaired)) {
    record.drift = undefined;
    return;
  }
  // Only of what was gone the answer tells more than was known before.
  const known = repair.kind === "left" || record.drift?.foundAtMs !== repair.foundAtMs ? undefined : record.drift;
  const fields = known ?? explainRepair(repair, payload, repaired);
  record.drift = { paths: fields.paths, by: fields.by, foundAtMs: repair.foundAtMs, repaired: repaired !== undefined };
}

/** It had only been missed: a list or a watch that did not show it was wrong, and nobody had changed it. */
function isUntouched({ resourceVersion }: ObjectRecord, { object, created }: Success): boolean {
  return !created && textAt(object, "metadata", "resourceVersion") === resourceVersion;
}

type Success = Extract<Applied, { kind: "applied" }>;

function explainRepair(
  repair: Exclude<Repair, { readonly kind: "asked" }>,
  payload: KubeObject,
  repaired: Success | undefined,
): DriftedFields {
  if (repair.kind === "left") {
    // An object that had to be made was deleted; one that was still there had lost its label.
    if (repaired === undefined || repaired.created) return { paths: [], by: "" };
    return {
      paths: [`metadata.labels[${applicationLabel}]`],
      by: driftedFields(payload, repaired.object, fieldManager).by,
    };
  }
  if (repair.kind === "moved" || repair.kind === "added") return repair.fields ?? { paths: [], by: "" };
  const fields = driftedFields(payload, repair.evidence, fieldManager);
  return repair.kind === "scaled" ? { paths: ["spec.replicas"], by: fields.by } : fields;
}

/** A Job that has ended and is gone stays gone, whatever its labels are to be. */
function noteEndedAway(application: ApplicationRecord, record: ObjectRecord): void {
  record.applied = record.desired;
  noteRemoved(application, record, { unseen: true });
}

async function refuse(
  context: Context,
  attempt: Attempt & { readonly refusal: Refusal },
  signal: AbortSignal,
): Promise<void> {
  const { application, record, resource, refusal } = attempt;
  const verbs = record.uid === "" ? (["create", "patch"] as const) : (["patch"] as const);
  const { account } = application;
  const trouble = await explainRefusal(context.kube, { resource, at: record.key, account, verbs, refusal }, signal);
  if (trouble.reason === "WaitingForKind") context.discovery.forget(record.key.group);
  if (trouble.reason === "WaitingForNamespace") setVerdict(record, notFound);
  if (maybeInvalid(refusal) && record.attempts + 1 >= invalidAfter) {
    hold(context, record, { ...trouble, reason: "Invalid", retry: "changed" });
  } else if (refusal.status === 422 && trouble.reason === "Invalid") {
    const left = await recreate(context, { ...attempt, invalid: trouble }, signal);
    if (left === undefined) clearObstacle(record);
    else hold(context, record, left);
  } else {
    hold(context, record, trouble);
  }
}

/** Notes why an object could not be applied, and when it is tried again. */
export function hold(context: Context, record: ObjectRecord, trouble: Trouble): void {
  const { reason, message, retry, fields } = trouble;
  const obstacle: Obstacle = { reason, message, retry, ...(fields === undefined ? {} : { fields }) };
  record.notBefore = context.clock.now() + waitMs(context, trouble, record.attempts);
  record.obstacle = obstacle;
  record.attempts += 1;
  if (record.uid === "") setVerdict(record, notFound);
}

/** How long to wait after a try that failed like this, and so many before it. */
export function waitMs({ random }: Pick<Context, "random">, trouble: Trouble, attempts: number): number {
  const waits = { soon, kind: soon, later } as const;
  const wait = trouble.retry === "changed" ? recheckMs : backoffMs(waits[trouble.retry], attempts, random);
  return Math.max(wait, trouble.retryAfterMs ?? 0);
}
