import { listAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { diffObjects, type FieldChange } from "@drover/shared/kube/diff";
import { formatFieldPath, type FieldPath } from "@drover/shared/kube/field-path";
import { formatObjectKey, type KubeObject } from "@drover/shared/kube/manifest";
import type { DriftMode } from "@drover/shared/sync-options";

import { driftedFields, lostFields, managerOf, markOf, ownersOfField } from "../core/drift.ts";
import type { ObjectRecord, Repair } from "../core/record.ts";
import { rewrittenFields } from "../core/rewrite.ts";
import { extrasOf, type Extras } from "../core/strict.ts";
import { isYielded, yieldsByRule, type Yield } from "../core/yield.ts";
import { collectionPath, type Resource } from "../kube/api.ts";
import { fieldManager, getObject } from "../kube/objects.ts";
import type { Context } from "./context.ts";
import { yieldsToLive } from "./scalers.ts";
import { syncOf } from "./sync.ts";

export interface Drifted {
  readonly record: ObjectRecord;
  readonly resource: Resource;
  readonly payload: KubeObject;
  readonly yields: readonly Yield[];
  readonly mode: DriftMode;
}

const maxPaths = 20;

/**
 * Whether a change that somebody made to an object is left as it is: because the fields are left to others, or because
 * the application only reports drift. Then it is noted, and the object counts as it is until it changes again.
 */
export async function tolerate(context: Context, drifted: Drifted, signal: AbortSignal): Promise<boolean> {
  const { record, mode } = drifted;
  const { repair } = record;
  // New content is applied whatever was changed; and who asks for a sync wants it undone.
  if (repair === undefined || repair.kind === "asked" || record.applied !== record.desired) return false;
  if (repair.kind !== "left" && (await isLeftToOthers(context, { ...drifted, evidence: repair.evidence }, signal))) {
    settleAs(record, repair.evidence);
    return true;
  }
  if (mode === "report") return report(context, { ...drifted, foundAtMs: repair.foundAtMs }, signal);
  return repair.kind === "moved" && isUnmoved(context, { ...drifted, repair }, signal);
}

/** Looks whether what was changed is anything that Git sets. */
async function isUnmoved(
  context: Context,
  { record, resource, payload, yields, repair }: Drifted & { readonly repair: Moved },
  signal: AbortSignal,
): Promise<boolean> {
  const found = await getObject(context.kube, { resource, at: record.key, metadataOnly: false }, signal);
  if (found.kind !== "found") return false;
  const live = found.object;
  const paths = changesOf(payload, live, yields).map(({ path }) => formatFieldPath(path));
  if (paths.length === 0) settleAs(record, live);
  else {
    const { by } = driftedFields(payload, live, fieldManager);
    record.repair = { ...repair, fields: { paths: paths.slice(0, maxPaths), by } };
  }
  return paths.length === 0;
}

type Moved = Extract<Repair, { readonly kind: "moved" }>;

/** What differs from the payload and is left to nobody. */
function changesOf(payload: KubeObject, live: JsonRecord, yields: readonly Yield[]): readonly FieldChange[] {
  return diffObjects(payload, live).filter(({ path }) => !isYielded(path, ownersOfField(live, path), yields));
}

async function isLeftToOthers(
  context: Context,
  { record, payload, yields, evidence }: Drifted & { readonly evidence: JsonRecord },
  signal: AbortSignal,
): Promise<boolean> {
  const lost = record.repair?.kind === "scaled" ? [replicas] : lostFields(payload, evidence, fieldManager);
  if (lost === undefined || lost.length === 0) return false;
  const isLeft = (path: FieldPath, to: readonly Yield[]): boolean => isYielded(path, ownersOfField(evidence, path), to);
  const rest = lost.filter((path) => !isLeft(path, yields));
  // Only who sees replicas change has to know whether an autoscaler does it.
  if (rest.some((path) => formatFieldPath(path) === "spec.replicas")) {
    record.scaledBy = await yieldsToLive(context, { record, payload }, signal);
  }
  const all = [...yields, ...record.scaledBy];
  if (!lost.every((path) => isLeft(path, all))) return false;
  record.yielded = describeYields(lost, all);
  return true;
}

const replicas: FieldPath = ["spec", "replicas"].map((name) => ({ kind: "field", name }));

/** What others added to an object of an application that wants its objects exactly as in Git. */
export function findExtras(
  context: Pick<Context, "acceptance">,
  { application, record }: { readonly application: string; readonly record: ObjectRecord },
  object: JsonRecord,
): Extras | undefined {
  const { drift, ignore } = syncOf(context, application);
  if (drift !== "strict") return undefined;
  return extrasOf(object, { manager: fieldManager, yields: yieldsByRule(record.key, ignore) });
}

/** `spec.replicas to HorizontalPodAutoscaler web`. */
export function describeYields(paths: readonly FieldPath[], yields: readonly Yield[]): string {
  const texts = paths.map((path) => {
    const to = yields.find((one) => isYielded(path, one.managers, [one]))?.to ?? "";
    return `${formatFieldPath(path)} to ${to}`;
  });
  return [...new Set(texts)].slice(0, 5).join(", ");
}

/** Looks what differs by now, which metadata alone do not tell: what somebody has undone is no drift any more. */
async function report(
  context: Context,
  { record, resource, payload, yields, foundAtMs }: Drifted & { readonly foundAtMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const found = await getObject(context.kube, { resource, at: record.key, metadataOnly: false }, signal);
  if (found.kind === "refused") return false;
  if (found.kind === "gone") {
    record.drift = { paths: [], by: "", foundAtMs, repaired: false };
    record.repair = undefined;
    return true;
  }
  const live = found.object;
  const changes = changesOf(payload, live, yields);
  const paths = changes.slice(0, maxPaths).map(({ path }) => formatFieldPath(path));
  const by = changes.map(({ path }) => managerOf(live, path)).find((name) => name !== "") ?? "";
  if (paths.length > 0) record.drift = { paths, by, foundAtMs, repaired: false };
  else if (record.drift !== undefined) record.drift = { ...record.drift, repaired: true };
  settleAs(record, live);
  return true;
}

/** Takes an object as it is now. */
function settleAs(record: ObjectRecord, live: JsonRecord): void {
  record.tolerated = markOf(live, fieldManager);
  record.repair = undefined;
  record.obstacle = undefined;
  record.attempts = 0;
  record.notBefore = 0;
}

/** Tells when a mutating webhook has given a field of ours another value: the next apply would have it do so again. */
export async function noteRewrite(
  context: Context,
  { record, resource, payload, yields, answer }: Omit<Drifted, "mode"> & { readonly answer: JsonRecord },
  signal: AbortSignal,
): Promise<void> {
  const fields = rewrittenFields(payload, { answer, yields: [...yields, ...record.scaledBy] });
  if (fields.length === 0) return;
  const by = await nameWebhooks(context, resource, signal);
  const paths = fields.slice(0, maxPaths).map(formatFieldPath);
  record.drift = { paths, by, foundAtMs: context.clock.now(), repaired: false };
  context.log.warn({ object: formatObjectKey(record.key), by, paths }, "applied fields were rewritten");
}

/** The mutating webhooks that see applies of a kind, for people; "a mutating webhook" when they cannot be told. */
async function nameWebhooks(context: Context, resource: Resource, signal: AbortSignal): Promise<string> {
  const path = `${collectionPath(configurations)}?limit=500`;
  const answer = await context.kube.request({ method: "GET", path }, signal).catch(() => undefined);
  const items = answer?.kind === "ok" ? recordsAt(answer.body, "items") : [];
  const names = items
    .flatMap((item) => recordsAt(item, "webhooks"))
    .filter((webhook) => recordsAt(webhook, "rules").some((rule) => sees(rule, resource)))
    .map((webhook) => textAt(webhook, "name") ?? "");
  return names.length === 0 ? "a mutating webhook" : `mutating webhook ${names.slice(0, 3).join(" or ")}`;
}

function sees(rule: JsonRecord, { group, plural }: Resource): boolean {
  const has = (field: string, value: string): boolean => {
    const values = listAt(rule, field);
    return values.includes("*") || values.includes(value);
  };
  return has("apiGroups", group) && (has("resources", plural) || has("resources", `${plural}/*`));
}

const configurations: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingWebhookConfiguration",
  plural: "mutatingwebhookconfigurations",
  namespaced: false,
};
