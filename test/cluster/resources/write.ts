import { allocate, checkAllocation } from "../admission/allocate.ts";
import { defaultBuiltin, initialStatus } from "../admission/defaults/table.ts";
import { selectJobPods } from "../admission/defaults/workloads.ts";
import { changesSpec, countsGeneration } from "../admission/generation.ts";
import { checkImmutable } from "../admission/immutable.ts";
import { checkMetadata, checkMetadataUpdate } from "../admission/names.ts";
import { checkNamespace } from "../admission/namespaces.ts";
import { checkBuiltin } from "../admission/validate.ts";
import { checkEscalation } from "../authorization/escalation.ts";
import { timestamp } from "../clock.ts";
import type { ClusterState, User } from "../cluster-state.ts";
import { checkCustom, shapeCustom } from "../crd/admit-custom.ts";
import { trackUpdate } from "../fields/apply.ts";
import { alreadyExists, beingDeleted, invalid, type Cause } from "../http/status.ts";
import { cloneJson, equalJson, keepOnly, without } from "../json.ts";
import { canonicalMetadata, canonicalObject } from "../schema/canonical.ts";
import type { KubeObject } from "../schema/schema.ts";
import { pruneUnknown } from "../schema/validate.ts";
import type { Admission, Review } from "../webhooks/review.ts";
import { convert } from "./convert.ts";
import { apiVersionOf, hasStatus, type ServedKind } from "./kinds.ts";

/** How a write is done, whoever asked for it: a client over HTTP or a controller of the cluster itself. */
export type WriteContext = {
  readonly kind: ServedKind;
  readonly manager: string;
  readonly dryRun: boolean;
  readonly subresource?: string | undefined;
  /** `given`: managedFields of the object are final already, as after a server-side apply. */
  readonly tracking: "update" | "given";
  /** Who asked for it; undefined for the cluster itself, which nothing restricts. */
  readonly by?: { readonly user: User; readonly admission: Admission | undefined };
};

/** Admits and stores a new object. Throws StatusError 404 (namespace), 403 (it terminates), 409 (exists), 422. */
export function insert(state: ClusterState, context: WriteContext, given: KubeObject): KubeObject {
  const { kind } = context;
  const object = cloneJson(given);
  const mutated = mutate(state, context, { before: undefined, after: object });
  stampNew(state, kind, object);
  checkNamespace(state, kind, object);
  shape(kind, object);
  const status = hasStatus(kind) ? initialStatus(kind.collection, object["status"]) : object["status"];
  if (status === undefined) delete object["status"];
  else object["status"] = cloneJson(status);
  if (kind.collection === "batch/jobs") selectJobPods(object);
  if (context.by !== undefined) checkEscalation(state, kind, object, context.by.user);
  const causes = [...checkMetadata(kind, object), ...rulesOf(kind, object)];
  refuse(kind, object, causes.length > 0 ? causes : checkAllocation(state, kind, object));
  const { name = "", namespace } = object.metadata;
  const existing = state.store.collection(kind.collection).get(namespace, name);
  if (existing?.metadata.deletionTimestamp !== undefined) throw beingDeleted(kind.info, name);
  if (existing !== undefined) throw alreadyExists(kind.info, name);
  const tracked = mutated ? object : track(state, context, { before: undefined, after: object });
  allocate(state, kind, tracked);
  context.by?.admission?.validate(reviewOf(context, { before: undefined, after: tracked }));
  return context.dryRun ? tracked : convert(state.store.put(kind.collection, toStored(kind, tracked)), kind);
}

/**
 * Admits and stores the next state of an object; `live` is what `candidate` was made from, both in the kind's version.
 * A write that changes nothing stores nothing and keeps the resourceVersion.
 */
export function replace(
  state: ClusterState,
  context: WriteContext,
  versions: { readonly live: KubeObject; readonly candidate: KubeObject },
): KubeObject {
  const { kind } = context;
  const { live } = versions;
  const object = keepUntouchable(kind, live, versions.candidate, context.subresource);
  shape(kind, object);
  const mutated = mutate(state, context, { before: live, after: object });
  allocate(state, kind, object, live);
  if (context.by !== undefined && !isForCollectorOnly(live, object)) {
    checkEscalation(state, kind, object, context.by.user);
  }
  refuse(kind, object, causesOf(context, live, object));
  if (context.subresource !== "status") refuse(kind, object, checkAllocation(state, kind, object));
  const tracked = mutated ? object : track(state, context, { before: live, after: object });
  if (context.subresource !== "status" && countsGeneration(kind) && changesSpec(kind, live, tracked)) {
    tracked.metadata.generation = (live.metadata.generation ?? 0) + 1;
  }
  context.by?.admission?.validate(reviewOf(context, { before: live, after: tracked }));
  if (isUnchanged(live, tracked)) return live;
  if (context.dryRun) return tracked;
  if (tracked.metadata.deletionTimestamp !== undefined && isFinal(kind, tracked)) {
    return convert(state.store.remove(kind.collection, toStored(kind, tracked)), kind);
  }
  return convert(state.store.put(kind.collection, toStored(kind, tracked)), kind);
}

type Versions = { readonly before: KubeObject | undefined; readonly after: KubeObject };

/**
 * Lets the mutating webhooks change `after` in place; true when they had a look, and so its owners are final: what
 * webhooks add or rewrite is owned by nobody, as on the real server.
 */
function mutate(state: ClusterState, context: WriteContext, { before, after }: Versions): boolean {
  const admission = context.by?.admission;
  // The real server shows a Scale here, which no webhook of a test has asked for yet.
  if (admission === undefined || context.subresource === "scale") return false;
  if (before === undefined) checkNamespace(state, context.kind, after);
  shape(context.kind, after);
  const tracked = track(state, context, { before, after });
  const mutated = admission.mutate(reviewOf(context, { before, after: tracked }));
  keepOnly(after, mutated ?? tracked);
  shape(context.kind, after);
  return true;
}

function reviewOf({ kind, subresource, dryRun }: WriteContext, { before, after }: Versions): Review {
  const { name = "", namespace } = after.metadata;
  const operation = before === undefined ? "CREATE" : "UPDATE";
  return { operation, kind, subresource, name, namespace, object: after, oldObject: before, dryRun };
}

/** Whether nothing holds back the removal of an object that is being deleted. */
export function isFinal(kind: ServedKind, object: KubeObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  if (kind.collection === "/namespaces") return finalizersOfSpec(object) === 0;
  // A pod on a node goes when its kubelet says that the containers have ended.
  return kind.collection !== "/pods" || (object.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

function finalizersOfSpec(object: KubeObject): number {
  const spec = object["spec"];
  if (typeof spec !== "object" || spec === null || !("finalizers" in spec)) return 0;
  return Array.isArray(spec.finalizers) ? spec.finalizers.length : 0;
}

function toStored(kind: ServedKind, object: KubeObject): KubeObject {
  if (kind.storageVersion === kind.info.version) return object;
  const [group = ""] = kind.collection.split("/");
  const info = { ...kind.info, group, version: kind.storageVersion };
  return convert(object, { ...kind, info });
}

function stampNew(state: ClusterState, kind: ServedKind, object: KubeObject): void {
  const { metadata } = object;
  object.apiVersion = apiVersionOf(kind.info);
  object.kind = kind.info.kind;
  if ((metadata.name ?? "") === "" && metadata.generateName)
    metadata.name = `${metadata.generateName}${state.newSuffix()}`;
  for (const field of [
    "resourceVersion",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
  ]) {
    Reflect.deleteProperty(metadata, field);
  }
  if (!kind.info.namespaced) Reflect.deleteProperty(metadata, "namespace");
  metadata.uid = state.newUid();
  metadata.creationTimestamp = timestamp(state.clock);
  if (countsGeneration(kind)) metadata.generation = 1;
}

/** Brings the object into the form that is stored: empties dropped, unknown fields pruned, defaults filled in. */
function shape(kind: ServedKind, object: KubeObject): void {
  const { managedFields } = object.metadata;
  object.metadata = canonicalMetadata(object.metadata);
  if (kind.custom === undefined) {
    const schema = kind.schema();
    keepOnly(object, canonicalObject(pruneUnknown(object, schema), schema));
    defaultBuiltin(kind.collection, object);
  } else {
    shapeCustom(kind, object);
  }
  // An empty list of owners is no absent one: it says that nobody owns anything.
  if (managedFields?.length === 0) object.metadata = { ...object.metadata, managedFields };
}

/** What is wrong with the next state of an object. */
function causesOf({ kind, subresource }: WriteContext, live: KubeObject, object: KubeObject): Cause[] {
  if (subresource === "status") return kind.custom === undefined ? [] : checkCustom(kind, object);
  return [
    ...checkMetadata(kind, object),
    ...checkMetadataUpdate(live, object),
    ...checkImmutable(kind, live, object),
    ...rulesOf(kind, object),
  ];
}

function rulesOf(kind: ServedKind, object: KubeObject): Cause[] {
  return kind.custom === undefined ? checkBuiltin(kind, toStored(kind, object)) : checkCustom(kind, object);
}

function refuse(kind: ServedKind, object: KubeObject, causes: readonly Cause[]): void {
  if (causes.length > 0) throw invalid(kind.info, object.metadata.name ?? "", causes);
}

const systemMetadata = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "resourceVersion",
  "namespace",
  "name",
  "generateName",
  "selfLink",
];

/** A copy of the candidate in which everything that this kind of write may not touch is as it was. */
function keepUntouchable(
  kind: ServedKind,
  live: KubeObject,
  candidate: KubeObject,
  subresource: string | undefined,
): KubeObject {
  const metadata = without(cloneJson(candidate.metadata), ...systemMetadata);
  for (const field of systemMetadata) {
    if (live.metadata[field] !== undefined) metadata[field] = live.metadata[field];
  }
  const object: KubeObject = {
    ...cloneJson(without(candidate, "metadata")),
    metadata,
    apiVersion: live.apiVersion,
    kind: live.kind,
  };
  if (subresource === "status") {
    // Controllers leave notes of their own in the annotations of builtin kinds as they report status.
    const { managedFields, annotations } = metadata;
    const kept = {
      ...live.metadata,
      ...(managedFields === undefined ? {} : { managedFields }),
      ...(annotations === undefined || kind.custom !== undefined ? {} : { annotations }),
    };
    const status = object["status"];
    return { ...cloneJson(live), metadata: cloneJson(kept), ...(status === undefined ? {} : { status }) };
  }
  if (hasStatus(kind)) {
    if (live["status"] === undefined) delete object["status"];
    else object["status"] = cloneJson(live["status"]);
  }
  if (kind.collection === "/namespaces" && subresource === undefined) object["spec"] = cloneJson(live["spec"]);
  return object;
}

function track(state: ClusterState, context: WriteContext, versions: Versions): KubeObject {
  if (context.tracking === "given") return versions.after;
  const tracked = trackUpdate({
    ...versions,
    manager: context.manager,
    now: timestamp(state.clock),
    schema: context.kind.schema(),
    ...(context.subresource === undefined ? {} : { subresource: context.subresource }),
  });
  return tracked === versions.after ? tracked : { ...tracked, metadata: { ...tracked.metadata } };
}

/** Whether at most what the garbage collector changes is different: nobody is granted anything by that. */
function isForCollectorOnly(live: KubeObject, object: KubeObject): boolean {
  const rest = (each: KubeObject): unknown => without(each.metadata, "managedFields", "finalizers", "ownerReferences");
  return equalJson(without(live, "metadata"), without(object, "metadata")) && equalJson(rest(live), rest(object));
}

/** Equal but for the times of managed fields, which alone are no reason to write. */
function isUnchanged(live: KubeObject, object: KubeObject): boolean {
  const owners = (each: KubeObject): unknown =>
    (each.metadata.managedFields ?? []).map((entry) => without(entry, "time"));
  return (
    equalJson(without(live, "metadata"), without(object, "metadata")) &&
    equalJson(without(live.metadata, "managedFields"), without(object.metadata, "managedFields")) &&
    equalJson(owners(live), owners(object))
  );
}
