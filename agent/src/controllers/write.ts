import { at, textAt, type JsonRecord } from "@drover/shared/json";
import { formatFieldPath, valueAt } from "@drover/shared/kube/field-path";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { AdoptPolicy } from "@drover/shared/sync-options";

import { judgeAdoption, type Judgement } from "../core/adoption.ts";
import { managerOf } from "../core/drift.ts";
import { needsBody } from "../core/health/index.ts";
import { hasMadeUpEntry, lastApplied, migrateManagers } from "../core/migration.ts";
import type { Owner } from "../core/owner.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { hasEnded } from "../core/run.ts";
import { yieldFields, type Yield } from "../core/yield.ts";
import type { Resource } from "../kube/api.ts";
import { applyObject, fieldManager, getObject, replaceManagedFields, type Applied } from "../kube/objects.ts";
import { maybeInvalid, type Trouble } from "../kube/trouble.ts";
import { inheritedUid, standingOf } from "./claims.ts";
import type { Context } from "./context.ts";
import { describeYields } from "./drift.ts";
import { yieldsToLive } from "./scalers.ts";

export interface Writing {
  readonly application: ApplicationRecord;
  readonly resource: Resource;
  readonly record: ObjectRecord;
  readonly payload: KubeObject;
  readonly owner: Owner;
  readonly adopt: AdoptPolicy;
  /** Nothing is written; the server only says what it would answer. */
  readonly dryRun?: boolean;
  readonly yields: readonly Yield[];
}

export type Written =
  | Applied
  /** The object is somebody else's, or about to go: nothing was written. */
  | { readonly kind: "held"; readonly trouble: Trouble }
  /** A Job that has run to its end and is not there any more: it was not made again. */
  | { readonly kind: "ended" };

/** What the server is to insist on. One object version that can never be makes an apply create, and only create. */
interface Guard {
  readonly uid?: string;
  readonly resourceVersion?: string;
}
const absent: Guard = { resourceVersion: "1" };
/** Kinds, Services up to Kubernetes 1.2x, of which the server makes none that is guarded as absent: it answers 500. */
const unguarded = new WeakSet<Resource>();

/** How often somebody may write the object between our look and our write. */
const maxLooks = 3;

/**
 * Writes an object in one request when it is as expected: the object that we know, or none at all. An apply guarded by
 * its uid never makes it anew by accident, and one guarded as absent never overwrites what somebody else made; on
 * Kubernetes 1.20 and later the server answers 409 or 422 instead. Only then the object is looked at, and judged.
 */
export async function writeObject(context: Context, writing: Writing, signal: AbortSignal): Promise<Written> {
  const { application, record, resource } = writing;
  const known = record.uid === "" ? inheritedUid(context, application, record.key) : record.uid;
  const guard = isExpected(record, known) ? { uid: known } : absent;
  const canGuard = guard !== absent || !unguarded.has(resource);
  const looksFirst = !canGuard || (guard !== absent && isYielding(writing));
  let written: Written = looksFirst ? overtaken : await send(context, { ...writing, guard }, signal);
  const guardable = canGuard && !(guard === absent && isFault(written));
  const look = { ...writing, uid: known, guardable };
  if (!guardable) written = await lookAndWrite(context, look, signal);
  for (let looks = 0; looks < maxLooks && isUnexpected(written); looks += 1) {
    written = await lookAndWrite(context, look, signal);
  }
  if (writing.dryRun === true) return written;
  return written.kind === "applied" ? migrateMadeUp(context, { ...writing, applied: written }, signal) : written;
}

function isExpected(record: ObjectRecord, uid: string): boolean {
  return uid !== "" && record.repair?.kind !== "left";
}

/** Whether what is sent depends on who has the fields that are left to others. */
function isYielding({ record, payload, yields }: Writing): boolean {
  // A field that Git has just dropped is one that we may still have.
  return yields.some(({ path }) => record.applied !== record.desired || valueAt(payload, path) !== undefined);
}

interface Look extends Writing {
  readonly uid: string;
  /** Whether the server takes an apply that is guarded as absent. */
  readonly guardable: boolean;
}

async function lookAndWrite(context: Context, look: Look, signal: AbortSignal): Promise<Written> {
  const { resource, record, owner, adopt, uid } = look;
  const found = await getObject(context.kube, { resource, at: record.key, metadataOnly: false }, signal);
  if (found.kind === "refused") return found;
  if (found.kind === "gone") return hasEnded(record.run) ? { kind: "ended" } : make(context, look, signal);
  const live = found.object;
  const payload = await leaveToOthers(context, { ...look, live }, signal);
  const marked = standingOf(context, look.application, { live, key: record.key });
  const judgement = judgeAdoption({ live, payload, owner, policy: adopt, uid, marked });
  if (judgement.kind === "refuse") return held({ reason: "Conflict", message: judgement.message, retry: "later" });
  if (judgement.kind === "adopt" && textAt(live, "metadata", "deletionTimestamp") !== undefined) {
    return held({ reason: "Terminating", message: "it is being deleted by somebody", retry: "soon" });
  }
  const isLeft = judgement.kind === "ours" || look.dryRun === true;
  const resourceVersion = isLeft ? versionOf(live) : await migrate(context, { ...look, payload, live }, signal);
  if (resourceVersion === undefined) return overtaken;
  const guard = { uid: textAt(live, "metadata", "uid") ?? "", resourceVersion };
  const applied = await send(context, { ...look, payload, guard }, signal);
  if (applied.kind === "applied" && look.dryRun !== true) noteTaken(context, look, { live, judgement });
  return applied;
}

/** What is sent for an object that is there: without the fields that others have. */
async function leaveToOthers(
  context: Context,
  { record, payload, yields, live }: Look & { readonly live: JsonRecord },
  signal: AbortSignal,
): Promise<KubeObject> {
  const replicas = ["spec", "replicas"] as const;
  // On first contact nobody has seen yet whether something scales it.
  if (record.uid === "" && at(payload, ...replicas) !== at(live, ...replicas)) {
    record.scaledBy = await yieldsToLive(context, { record, payload }, signal);
  }
  const all = [...yields, ...record.scaledBy];
  const sent = yieldFields(payload, { live, yields: all, manager: fieldManager });
  const left = all.filter(({ path }) => valueAt(payload, path) !== valueAt(sent, path));
  record.yielded = describeYields(
    left.map(({ path }) => path),
    all,
  );
  return sent;
}

/** Makes an object that was just not there. */
async function make(context: Context, look: Look, signal: AbortSignal): Promise<Applied> {
  if (look.guardable) return send(context, { ...look, guard: absent }, signal);
  const applied = await send(context, { ...look, guard: {} }, signal);
  if (applied.kind === "applied") unguarded.add(look.resource);
  return applied;
}

/** Tells what Git overwrote when it took an object over. */
function noteTaken(
  context: Context,
  { record }: Look,
  { live, judgement }: { readonly live: JsonRecord; readonly judgement: Judgement },
): void {
  if (judgement.kind !== "adopt" || judgement.changes.length === 0) return;
  const paths = judgement.changes.slice(0, 20).map(({ path }) => formatFieldPath(path));
  const by = judgement.changes.map(({ path }) => managerOf(live, path)).find((name) => name !== "") ?? "";
  record.drift = { paths, by, foundAtMs: context.clock.now(), repaired: true };
}

/** The version of the object after its managers' entries were merged into ours; undefined when it changed meanwhile. */
async function migrate(
  context: Context,
  { resource, record, payload, live }: Writing & { readonly live: JsonRecord },
  signal: AbortSignal,
): Promise<string | undefined> {
  const managedFields = migrateManagers(live, { desired: payload, manager: fieldManager });
  if (managedFields === undefined) return versionOf(live);
  const annotation = textAt(live, "metadata", "annotations", lastApplied) === undefined ? undefined : lastApplied;
  const change = { resource, at: record.key, resourceVersion: versionOf(live), managedFields, annotation };
  return replaceManagedFields(context.kube, change, signal);
}

/**
 * An object that had no managed fields gets them with its first apply: a made-up entry then owns what we own, and would
 * keep it when it leaves Git (case 22).
 */
async function migrateMadeUp(
  context: Context,
  { applied, ...writing }: Writing & { readonly applied: Success },
  signal: AbortSignal,
): Promise<Applied> {
  const live = applied.object;
  if (applied.created || !hasMadeUpEntry(live)) return applied;
  const resourceVersion = await migrate(context, { ...writing, live }, signal);
  if (resourceVersion === undefined || resourceVersion === versionOf(live)) return applied;
  const guard = { uid: textAt(live, "metadata", "uid") ?? "", resourceVersion };
  const again = await send(context, { ...writing, guard }, signal);
  return again.kind === "applied" ? again : applied;
}

type Success = Extract<Applied, { kind: "applied" }>;

function send(
  context: Context,
  { resource, record, payload, guard, dryRun = false }: Writing & { readonly guard: Guard },
  signal: AbortSignal,
): Promise<Applied> {
  const body = JSON.stringify({ ...payload, metadata: { ...payload.metadata, ...guard } });
  const options = { resource, at: record.key, body, metadataOnly: dryRun || !needsBody(record.key), dryRun };
  return applyObject(context.kube, options, signal);
}

/** Whether the server refused because the object is not the one that was expected. */
function isUnexpected(written: Written): boolean {
  if (written.kind !== "refused") return false;
  const { status, causes } = written.refusal;
  if (status === 409) return causes.length === 0;
  return status === 422 && causes.some(({ field }) => field === "metadata.uid");
}

function isFault(written: Written): boolean {
  return written.kind === "refused" && maybeInvalid(written.refusal);
}

/** What stands for an apply that somebody's write has overtaken. */
const overtaken: Applied = {
  kind: "refused",
  refusal: { status: 409, reason: "Conflict", message: "", about: "", causes: [] },
};

function held(trouble: Trouble): Written {
  return { kind: "held", trouble };
}

function versionOf(live: JsonRecord): string {
  return textAt(live, "metadata", "resourceVersion") ?? "";
}
