import { done, type Outcome } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import type { Assignment } from "@drover/shared/link/link";

import { isApplied, isLeaving, wasTried, type ApplicationRecord } from "../core/record.ts";
import { isHeldFor } from "../core/refused.ts";
import { isHeldUp, isRefusedForGood } from "../core/report.ts";
import { planHooks, runAgain } from "../core/runs.ts";
import { namespaces } from "../kube/config-maps.ts";
import { createObject } from "../kube/objects.ts";
import { isKeptAsItIs } from "./bounds.ts";
import { readContent, takeIn } from "./bundle.ts";
import { wakeWaiting } from "./claims.ts";
import { actingFor, type Context } from "./context.ts";
import { heldAgain, heldBundle, waitForOthers } from "./dependencies.ts";
import type { RoundOptions } from "./dispatch.ts";
import { sweepHooks } from "./hooks.ts";
import { pruneObjects } from "./prune.ts";
import { removeApplication } from "./removal.ts";
import { saveInventory } from "./save-inventory.ts";
import { nextTry, retryAt, takeTurn } from "./turn.ts";
import { admitBundle, isHeldBack } from "./validate.ts";

/**
 * Brings one application to what the hub has assigned: inventory ahead, then everything that may be applied now is handed
 * out. It waits for none of it, and is woken when all has ended: a newer bundle, a drift or a removal takes effect at
 * once. What left the bundle is pruned when nothing is under way.
 */
export function createApplicationReconcile(
  options: RoundOptions,
): (name: string, signal: AbortSignal) => Promise<Outcome> {
  const { context, changed } = options;
  return async (name, signal) => {
    const intent = context.acceptance.intent(name);
    switch (intent.kind) {
      case "run":
      case "keep":
        return run(options, intent.assignment, signal);
      case "remove":
        return removeApplication(options, { name, tombstone: intent.tombstone }, signal);
      case "unknown":
        return keepUnknown(context, { name, changed });
    }
  };
}

async function run(options: RoundOptions, assignment: Assignment, signal: AbortSignal): Promise<Outcome> {
  const { context, dispatcher, changed } = options;
  const application = context.state.ensure(assignment.application);
  let failure: DroverError | undefined;
  let next = Number.POSITIVE_INFINITY;
  try {
    failure = await adoptAssignment(options, { application, assignment }, signal);
    await saveInventory(context, application, signal);
    planHooks(application);
    const turn = takeTurn(context, application);
    next = turn.nextAtMs;
    dispatcher.dispatch(application, turn.due);
    if (!dispatcher.isBusy(application)) next = await finish(context, { application, assignment }, signal);
  } catch (cause) {
    failure = DroverError.from(cause);
    if (failure.code === "blob_missing") application.bundle = "";
    if (!signal.aborted) application.hindrance = { reason: hindranceOf(failure), message: failure.message };
  } finally {
    application.phase = phaseOf({ application, assignment }, failure);
    if (planHooks(application)) context.wake(application.name);
    context.state.touch(application);
    changed(application.name);
  }
  if (failure !== undefined) throw failure;
  return retryAt(Math.min(next, application.refused?.notBefore ?? next), context.clock.now());
}

interface Target {
  readonly application: ApplicationRecord;
  readonly assignment: Assignment;
}

/** A bundle that cannot be had must not stop the agent from healing the one before it, so that failure is a value. */
async function adoptAssignment(
  { context, changed }: RoundOptions,
  { application, assignment }: Target,
  signal: AbortSignal,
): Promise<DroverError | undefined> {
  if (application.syncRequest !== assignment.syncRequest) {
    application.syncRequest = assignment.syncRequest;
    application.refused = undefined;
    application.waits = new Map();
    for (const record of application.objects.values()) {
      if (runAgain(record)) continue;
      record.repair ??= { kind: "asked" };
      record.notBefore = 0;
    }
  }
  context.accounts.assume(application, assignment);
  application.hindrance = await context.accounts.hindranceOf(application, signal);
  if (application.bundle === assignment.bundle && application.namespace === assignment.namespace) {
    application.refused = undefined;
    // It could not be made before, or somebody has deleted it.
    if (waitsForNamespace(application)) await ensureNamespace(actingFor(context, application), assignment, signal);
    return undefined;
  }
  if (isKeptAsItIs(context.bounds, { application, assignment })) return undefined;
  if (isHeldBack({ application, assignment }, context.clock.now())) return undefined;
  application.phase = "applying";
  changed(application.name);
  try {
    const acting = actingFor(context, application);
    if (!(await takeAssigned(acting, { application, assignment }, signal))) return undefined;
    await ensureNamespace(acting, assignment, signal);
    return undefined;
  } catch (cause) {
    const error = DroverError.from(cause);
    if (signal.aborted || application.bundle === "") throw error;
    application.hindrance = { reason: hindranceOf(error), message: error.message };
    return error;
  }
}

/** Whether the assigned bundle is the application's now. What keeps it is in the application's record. */
async function takeAssigned(context: Context, target: Target, signal: AbortSignal): Promise<boolean> {
  const { application, assignment } = target;
  const wait = waitForOthers(context, target);
  if (wait !== undefined && isHeldFor(application.refused, assignment)) {
    application.refused = heldAgain(application.refused, wait);
    return false;
  }
  const content = await readContent(context, target, signal);
  if (wait !== undefined) application.refused = heldBundle(assignment, content, wait);
  const admitted = wait === undefined && (await admitBundle(context, { ...target, content }, signal));
  if (admitted) takeIn(application, content, assignment.namespace);
  wakeWaiting(context, application);
  return admitted;
}

function waitsForNamespace(application: ApplicationRecord): boolean {
  for (const { obstacle } of application.objects.values()) if (obstacle?.reason === "WaitingForNamespace") return true;
  return false;
}

/** Made without owning it: it is never pruned, because others may put things into it. */
async function ensureNamespace(context: Context, assignment: Assignment, signal: AbortSignal): Promise<void> {
  const { namespace, createNamespace } = assignment;
  if (!createNamespace || namespace === "" || namespace === "default") return;
  if (context.bounds.forbids({ group: "", kind: "Namespace", namespace: "", name: namespace }) !== undefined) return;
  const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  try {
    const made = await createObject(context.kube, { resource: namespaces, namespace: "", body }, signal);
    if (made.kind !== "refused") return;
  } catch (cause) {
    if (signal.aborted) throw cause;
  }
  // Only what belongs into it waits for it, and has it tried again.
  context.log.warn({ application: assignment.application, namespace }, "namespace could not be made");
}

/** Prunes only after every object was tried: what a half-applied bundle may still need is left by prune itself. */
async function finish(context: Context, { application, assignment }: Target, signal: AbortSignal): Promise<number> {
  await sweepHooks(actingFor(context, application), application, signal);
  const desired = [...application.objects.values()].filter((record) => record.desired !== "");
  const save = (): Promise<void> => saveInventory(context, application, signal);
  if (application.bundle === assignment.bundle && desired.every(wasTried)) {
    const whole = desired.every(isApplied);
    if (whole) noteApplied(context, application, desired.length);
    const { prune, confirmPrune: confirmed, sync } = assignment;
    const options = { application, removal: false, prune, confirmed, save };
    // Nothing of a bundle that is to be taken whole or not at all may happen before it was taken.
    if (whole || !sync.allOrNothing) await pruneObjects(actingFor(context, application), options, signal);
  }
  await save();
  return nextTry(application, context.clock.now());
}

function noteApplied(context: Context, application: ApplicationRecord, objects: number): void {
  const { name, bundle } = application;
  if (application.applied === bundle) return;
  application.applied = bundle;
  application.appliedAtMs = context.clock.now();
  context.log.info({ application: name, bundle, objects }, "bundle applied");
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

function phaseOf({ application, assignment }: Target, failure: DroverError | undefined): ApplicationRecord["phase"] {
  const { refused } = application;
  if (refused !== undefined) return isRefusedForGood(refused) ? "failed" : "applying";
  const desired = [...application.objects.values()].filter((record) => record.desired !== "");
  if (application.hindrance?.reason === "ServiceAccountMissing") return "failed";
  if (desired.some((record) => record.obstacle !== undefined && !isHeldUp(record))) return "failed";
  if (failure !== undefined || !desired.every(isApplied)) return "applying";
  // Nothing new is taken for now.
  if (application.bundle !== assignment.bundle) return "applying";
  const pruning = [...application.objects.values()].some(isLeaving);
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
    case "input_too_large":
      return "BundleInvalid";
    default:
      return "ApplyFailed";
  }
}
