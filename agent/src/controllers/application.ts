import { done, type Outcome } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";

import { repairDelayMs } from "../core/contest.ts";
import { dropRecord, isApplied, needsApply, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { isHeldUp } from "../core/report.ts";
import { groupByStage, isKindDefinition } from "../core/stages.ts";
import { namespaces } from "../kube/config-maps.ts";
import { createObject } from "../kube/objects.ts";
import { applyRecord } from "./apply.ts";
import { leaveBundle, loadBundle, placeObject } from "./bundle.ts";
import { wakeWaiting } from "./claims.ts";
import { actingFor, type Context } from "./context.ts";
import { untilServed } from "./kinds.ts";
import { allEnded } from "./limit.ts";
import { pruneObjects } from "./prune.ts";

export interface ApplicationOptions {
  readonly context: Context;
  /** The application's records have changed: what is watched and what is reported may have to as well. */
  readonly changed: (application: string) => void;
}

const shortestWaitMs = 20;

/** Brings one application to what the hub has assigned: stages, server-side apply, inventory, prune. */
export function createApplicationReconcile(
  options: ApplicationOptions,
): (name: string, signal: AbortSignal) => Promise<Outcome> {
  const { context, changed } = options;
  return async (name, signal) => {
    const intent = context.acceptance.intent(name);
    switch (intent.kind) {
      case "run":
      case "keep":
        return run(context, { assignment: intent.assignment, changed }, signal);
      case "remove":
        return remove(context, { name, changed }, signal);
      case "unknown":
        return keepUnknown(context, { name, changed });
    }
  };
}

interface Run {
  readonly assignment: Assignment;
  readonly changed: (application: string) => void;
}

async function run(context: Context, { assignment, changed }: Run, signal: AbortSignal): Promise<Outcome> {
  const application = context.state.ensure(assignment.application);
  let failure: DroverError | undefined;
  try {
    failure = await adoptAssignment(context, { application, assignment, changed }, signal);
    await saveInventory(context, application, signal);
    await applyStages(context, { application, assignment }, signal);
    await finish(context, { application, assignment }, signal);
  } catch (cause) {
    failure = DroverError.from(cause);
    if (failure.code === "blob_missing") application.bundle = "";
    if (!signal.aborted) application.hindrance = { reason: hindranceOf(failure), message: failure.message };
  } finally {
    application.phase = phaseOf(application, failure);
    context.state.touch(application);
    changed(application.name);
  }
  if (failure !== undefined) throw failure;
  return nextTry(application, context.clock.now());
}

/** A bundle that cannot be had must not stop the agent from healing the one before it, so that failure is a value. */
async function adoptAssignment(
  context: Context,
  { application, assignment, changed }: Run & { readonly application: ApplicationRecord },
  signal: AbortSignal,
): Promise<DroverError | undefined> {
  if (application.syncRequest !== assignment.syncRequest) {
    application.syncRequest = assignment.syncRequest;
    for (const record of application.objects.values()) {
      record.repair ??= { kind: "asked" };
      record.notBefore = 0;
    }
  }
  context.accounts.assume(application, assignment);
  application.hindrance = await context.accounts.hindranceOf(application, signal);
  if (application.bundle === assignment.bundle && application.namespace === assignment.namespace) return undefined;
  application.phase = "applying";
  changed(application.name);
  try {
    await loadBundle(context, { application, assignment }, signal);
    wakeWaiting(context, application);
    await ensureNamespace(actingFor(context, application), assignment, signal);
    return undefined;
  } catch (cause) {
    const error = DroverError.from(cause);
    if (signal.aborted || application.bundle === "") throw error;
    application.hindrance = { reason: hindranceOf(error), message: error.message };
    return error;
  }
}

/** Made without owning it: it is never pruned, because others may put things into it. */
async function ensureNamespace(context: Context, assignment: Assignment, signal: AbortSignal): Promise<void> {
  const { namespace, createNamespace } = assignment;
  if (!createNamespace || namespace === "" || namespace === "default") return;
  const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const made = await createObject(context.kube, { resource: namespaces, namespace: "", body }, signal);
  if (made.kind !== "refused") return;
  context.log.warn({ application: assignment.application, namespace }, "namespace could not be made");
}

async function applyStages(
  context: Context,
  { application, assignment }: { readonly application: ApplicationRecord; readonly assignment: Assignment },
  signal: AbortSignal,
): Promise<void> {
  const due = collectDue(context, application);
  for (const stage of groupByStage(due, (record) => record.key)) {
    signal.throwIfAborted();
    const records = await placeStage(context, { application, assignment, stage }, signal);
    const acting = actingFor(context, application);
    await allEnded(records.map((record) => context.limit(() => applyRecord(acting, { application, record }, signal))));
    const definitions = records.filter((record) => isKindDefinition(record.key) && isApplied(record));
    await untilServed(acting, definitions, signal);
  }
}

/** An object whose kind was missing may have got it from an earlier stage, and belong elsewhere than it said. */
async function placeStage(
  context: Context,
  options: {
    readonly application: ApplicationRecord;
    readonly assignment: Assignment;
    readonly stage: readonly ObjectRecord[];
  },
  signal: AbortSignal,
): Promise<readonly ObjectRecord[]> {
  const { application, assignment, stage } = options;
  if (stage.every((record) => record.placed)) return stage;
  const records: ObjectRecord[] = [];
  for (const record of stage) {
    records.push(record.placed ? record : await placeObject(context, { application, assignment, record }, signal));
  }
  await saveInventory(context, application, signal);
  return records;
}

/** The objects to send a request for now; those whose repair is contested wait their turn. */
function collectDue(context: Context, application: ApplicationRecord): readonly ObjectRecord[] {
  const now = context.clock.now();
  const due: ObjectRecord[] = [];
  for (const record of application.objects.values()) {
    if (!needsApply(record) || record.notBefore > now) continue;
    const waitMs = contestedForMs(record, now);
    if (waitMs <= 0) due.push(record);
    else postpone(context, record, waitMs);
  }
  return due;
}

function contestedForMs(record: ObjectRecord, now: number): number {
  const { repair } = record;
  if (repair === undefined || repair.kind === "asked" || record.applied !== record.desired) return 0;
  return repair.foundAtMs + repairDelayMs(record.heat) - now;
}

function postpone(context: Context, record: ObjectRecord, waitMs: number): void {
  const by = record.drift?.by ?? "";
  const who = by === "" ? "somebody" : `"${by}"`;
  const message = `${who} changes it again and again; next repair in ${Math.ceil(waitMs / 1000)} s`;
  record.obstacle = { reason: "Contested", message, retry: "soon" };
  if (record.drift !== undefined) record.drift = { ...record.drift, repaired: false };
  record.notBefore = context.clock.now() + waitMs;
  context.log.warn({ object: formatObjectKey(record.key), by, waitMs }, "object is contested");
}

/** Prunes only after every object was applied: a half-applied bundle must never delete what it replaces. */
async function finish(
  context: Context,
  { application, assignment }: { readonly application: ApplicationRecord; readonly assignment: Assignment },
  signal: AbortSignal,
): Promise<void> {
  const desired = [...application.objects.values()].filter((record) => record.desired !== "");
  if (application.bundle !== assignment.bundle || !desired.every(isApplied)) {
    return saveInventory(context, application, signal);
  }
  if (application.applied !== application.bundle) {
    application.applied = application.bundle;
    application.appliedAtMs = context.clock.now();
    context.log.info(
      { application: application.name, bundle: application.bundle, objects: desired.length },
      "bundle applied",
    );
  }
  await pruneObjects(actingFor(context, application), { application, prune: assignment.prune }, signal);
  await saveInventory(context, application, signal);
}

/** Removes everything that a buried application owns, with the guards of prune. */
async function remove(
  context: Context,
  { name, changed }: { readonly name: string; readonly changed: (application: string) => void },
  signal: AbortSignal,
): Promise<Outcome> {
  const application = context.state.applications.get(name);
  if (application === undefined) {
    changed(name);
    return done;
  }
  application.phase = "removing";
  application.hindrance = await context.accounts.hindranceOf(application, signal);
  const known = application.bundle !== "";
  // Should it be assigned again before it is gone, its bundle has to be taken in from the start.
  application.bundle = "";
  for (const record of application.objects.values()) leaveBundle(record);
  if (known) wakeWaiting(context, application);
  try {
    await pruneObjects(actingFor(context, application), { application, prune: true }, signal);
    // Namespaces that were there before stay; nothing is left to do about them.
    for (const record of application.objects.values()) if (record.abandoned !== "") dropRecord(application, record.key);
    if (application.objects.size > 0) {
      await saveInventory(context, application, signal);
      context.state.touch(application);
      return nextTry(application, context.clock.now());
    }
    await context.inventory.remove(name, signal);
    await context.state.remove(name);
    context.log.info({ application: name }, "application removed");
    return done;
  } finally {
    changed(name);
  }
}

/** Known only from its inventory, as after the disk was lost: kept, shown, and not touched. */
function keepUnknown(
  context: Context,
  { name, changed }: { readonly name: string; readonly changed: (application: string) => void },
): Outcome {
  const application = context.state.applications.get(name);
  if (application !== undefined) {
    for (const record of application.objects.values()) record.abandoned = "BundleUnknown";
    application.hindrance = {
      reason: "BundleUnknown",
      message: "only its inventory is known here; it is kept as it is until the hub assigns or removes it",
    };
  }
  changed(name);
  return done;
}

async function saveInventory(context: Context, application: ApplicationRecord, signal: AbortSignal): Promise<void> {
  const { shape } = application;
  if (application.savedShape === shape) return;
  const entries = [...application.objects.values()].map(({ key, version, uid, created }) => {
    return { key, version, uid, created };
  });
  await context.inventory.write(application.name, { account: application.account, entries }, signal);
  application.savedShape = shape;
}

function phaseOf(application: ApplicationRecord, failure: DroverError | undefined): ApplicationRecord["phase"] {
  const desired = [...application.objects.values()].filter((record) => record.desired !== "");
  if (application.hindrance?.reason === "ServiceAccountMissing") return "failed";
  if (desired.some((record) => record.obstacle !== undefined && !isHeldUp(record))) return "failed";
  if (failure !== undefined || !desired.every(isApplied)) return "applying";
  const pruning = [...application.objects.values()].some((r) => r.desired === "" && r.abandoned === "");
  return pruning ? "applying" : "applied";
}

function hindranceOf(error: DroverError): string {
  switch (error.code) {
    case "link_closed":
    case "blob_missing":
      return "WaitingForBundle";
    case "api_unreachable":
    case "timeout":
      return "ClusterUnreachable";
    case "blob_corrupt":
    case "digest_mismatch":
      return "BundleInvalid";
    default:
      return "ApplyFailed";
  }
}

/** When the next object may be tried again. */
function nextTry(application: ApplicationRecord, now: number): Outcome {
  let next = Number.POSITIVE_INFINITY;
  for (const record of application.objects.values()) {
    // What is being deleted by others ends with an event, so it needs no timer.
    const pruned = record.desired === "" && record.abandoned === "";
    if (needsApply(record) || pruned) next = Math.min(next, Math.max(record.notBefore, now + shortestWaitMs));
  }
  return next === Number.POSITIVE_INFINITY ? done : { kind: "retry", afterMs: next - now };
}
