import { DroverError } from "@drover/shared/errors";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";

import { findRival } from "../core/claims.ts";
import { readHook } from "../core/hooks.ts";
import { payloadOf } from "../core/payload.ts";
import { createObjectRecord, type ApplicationRecord } from "../core/record.ts";
import { isHeldFor, type RefusedBundle, type RefusedObject } from "../core/refused.ts";
import { keyIn, type Refusal } from "../kube/api.ts";
import { maybeInvalid, troubleOfError, type Trouble } from "../kube/trouble.ts";
import { invalidAfter, missingKind, refusedAsOwn, waitMs } from "./apply.ts";
import { keysOf, readObject, type Content, type Desired } from "./bundle.ts";
import { claimsOn, isHeld, keptBy } from "./claims.ts";
import type { Context } from "./context.ts";
import { allEnded } from "./limit.ts";
import { judgeUnprocessable } from "./recreate.ts";
import { explainRefusal } from "./rights.ts";
import { yieldsOf } from "./scalers.ts";
import { syncOf } from "./sync.ts";
import { writeObject, type Writing } from "./write.ts";

interface Target {
  readonly application: ApplicationRecord;
  readonly assignment: Assignment;
}

/** Whether the assigned bundle was refused or waits, and it is too early to try it again. */
export function isHeldBack({ application, assignment }: Target, nowMs: number): boolean {
  const { refused } = application;
  return (isAbout(refused, assignment) || isHeldFor(refused, assignment)) && refused.notBefore > nowMs;
}

function isAbout(refused: RefusedBundle | undefined, assignment: Assignment): refused is RefusedBundle {
  const { bundle, namespace, sync } = assignment;
  return (
    sync.allOrNothing && refused?.wait === undefined && refused?.bundle === bundle && refused.namespace === namespace
  );
}

/**
 * All or nothing: asks the server about every object that a bundle changes, without writing any. False when it would
 * refuse one: then nothing of the bundle may be taken in; all refusals are in the application's record. What the bundle
 * before has goes on being repaired.
 */
export async function admitBundle(
  context: Context,
  { application, assignment, content }: Target & { readonly content: Content },
  signal: AbortSignal,
): Promise<boolean> {
  const { refused: before } = application;
  const attempts = isAbout(before, assignment) ? before.attempts + 1 : 1;
  application.refused = undefined;
  if (!assignment.sync.allOrNothing) return true;
  const promised = promisesOf(assignment, content);
  const objects = new Map<string, RefusedObject>();
  let retryMs = Number.POSITIVE_INFINITY;
  const ask = async (desired: Desired): Promise<void> => {
    const trouble = await refusalOf(context, { application, promised, desired, attempts }, signal);
    if (trouble === undefined) return;
    const { reason, message, retry } = trouble;
    const { key, version } = desired;
    objects.set(formatObjectKey(key), { key, version, obstacle: { reason, message, retry } });
    retryMs = Math.min(retryMs, waitMs(context, trouble, attempts - 1));
  };
  await allEnded(content.changed.map((desired) => context.limit(() => ask(desired))));
  if (objects.size === 0) return true;
  application.refused = {
    bundle: assignment.bundle,
    namespace: assignment.namespace,
    wants: new Set(keysOf(content).map(formatObjectKey)),
    objects: new Map([...objects].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    asked: content.changed.length,
    attempts,
    notBefore: context.clock.now() + retryMs,
    wait: undefined,
  };
  const { name } = application;
  context.log.warn({ application: name, bundle: assignment.bundle, refused: objects.size }, "bundle refused");
  return false;
}

/** What is not there yet and will be, as part of the same bundle: a dry run cannot know of it (case 42). */
interface Promised {
  readonly namespaces: ReadonlySet<string>;
  /** Of definitions that the bundle adds or changes: `Widget.example.org`. */
  readonly kinds: ReadonlySet<string>;
}

function promisesOf(assignment: Assignment, content: Content): Promised {
  const namespaces = keysOf(content).filter(({ group, kind }) => group === "" && kind === "Namespace");
  const made = assignment.createNamespace ? [assignment.namespace] : [];
  return {
    namespaces: new Set([...namespaces.map(({ name }) => name), ...made]),
    kinds: new Set(content.changed.map(({ order }) => order.defines)),
  };
}

interface Question {
  readonly application: ApplicationRecord;
  readonly promised: Promised;
  readonly desired: Desired;
  readonly attempts: number;
}

/** What would become of an object that the server refuses; undefined when it takes it, or cannot tell yet. */
async function refusalOf(context: Context, question: Question, signal: AbortSignal): Promise<Trouble | undefined> {
  try {
    return await askServer(context, question, signal);
  } catch (cause) {
    const error = DroverError.from(cause);
    if (signal.aborted) throw error;
    return troubleOfError(error);
  }
}

async function askServer(context: Context, question: Question, signal: AbortSignal): Promise<Trouble | undefined> {
  const { application, promised, desired } = question;
  const { key, version } = desired;
  if (context.isOwnPart(key)) return refusedAsOwn;
  if (promised.kinds.has(`${key.kind}.${key.group}`)) return undefined;
  const known = application.objects.get(formatObjectKey(key));
  const claimant = { application: application.name, held: known !== undefined && isHeld(known) };
  const rival = findRival(claimant, claimsOn(context, application, key));
  if (rival !== undefined) return keptBy(rival);
  const resource = await context.discovery.find({ group: key.group, version, kind: key.kind }, signal);
  if (resource === undefined) return missingKind;
  const forbidden = context.bounds.forbids(keyIn(resource, key));
  if (forbidden !== undefined) return forbidden;
  const owner = context.ownerOf(application.name);
  const payload = payloadOf(await readObject(context, desired.digest), { owner, namespace: key.namespace });
  // Asked about as what it is to become, whatever the record says of what it is.
  const record = { ...createObjectRecord(key, version), uid: known?.uid ?? "" };
  const { adopt, ignore } = syncOf(context, application.name);
  const yields = await yieldsOf(context, { application, record, payload }, ignore);
  const writing = { application, resource, record, payload, owner, adopt, yields, dryRun: true };
  const written = await writeObject(context, writing, signal);
  if (written.kind === "held") return written.trouble;
  return written.kind === "refused"
    ? explain(context, { ...question, writing, refusal: written.refusal }, signal)
    : undefined;
}

async function explain(
  context: Context,
  refused: Question & { readonly writing: Writing; readonly refusal: Refusal },
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const { application, promised, attempts, writing, refusal } = refused;
  const { resource, payload, record } = writing;
  const isPromised = refusal.about === "namespaces" && promised.namespaces.has(record.key.namespace);
  if (refusal.status === 404 && isPromised) return undefined;
  const { account } = application;
  const verbs = record.uid === "" ? (["create", "patch"] as const) : (["patch"] as const);
  const trouble = await explainRefusal(context.kube, { resource, at: record.key, account, verbs, refusal }, signal);
  if (maybeInvalid(refusal) && attempts >= invalidAfter) return { ...trouble, reason: "Invalid", retry: "changed" };
  if (refusal.status !== 422) return trouble;
  const verdict = await judgeUnprocessable(context, { application, resource, payload, invalid: trouble }, signal);
  if (verdict.kind === "recreate") return undefined;
  // A hook is made anew for each bundle anyhow.
  const isHook = readHook(payload) !== undefined;
  return isHook && verdict.trouble.reason === "Immutable" ? undefined : verdict.trouble;
}
