import { listAt, numberAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import {
  collectionPath,
  metadataListOnly,
  itemsOf,
  metadataOnly,
  objectOf,
  objectPath,
  type KubeApi,
  type Refusal,
  type Resource,
} from "./api.ts";

/** The name under which every field that Git sets is owned. One for all applications, so that objects can move. */
export const fieldManager = "drover";

type At = Pick<ObjectKey, "namespace" | "name">;

export type Applied =
  | { readonly kind: "applied"; readonly object: JsonRecord; readonly created: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ApplyOptions {
  readonly resource: Resource;
  readonly at: At;
  /** JSON of the object. */
  readonly body: string;
  /** Answers with metadata alone. */
  readonly metadataOnly: boolean;
  /** Nothing is written; the server only says what it would answer. */
  readonly dryRun?: boolean;
}

/** One server-side apply that takes over every field it sets. Throws `api_unreachable` for an answer that is no object. */
export async function applyObject(api: KubeApi, options: ApplyOptions, signal: AbortSignal): Promise<Applied> {
  const { resource, at, body } = options;
  const query = `fieldManager=${fieldManager}&force=true${options.dryRun === true ? "&dryRun=All" : ""}`;
  const answer = await api.request(
    {
      method: "PATCH",
      path: `${objectPath(resource, at)}?${query}`,
      contentType: "application/apply-patch+yaml",
      body,
      timeoutMs: 60_000,
      ...(options.metadataOnly ? { accept: metadataOnly } : {}),
    },
    signal,
  );
  if (answer.kind === "refused") return answer;
  return { kind: "applied", object: objectOf(answer.body, "an apply"), created: answer.status === 201 };
}

export type Found =
  | { readonly kind: "found"; readonly object: JsonRecord }
  /** The server's registry says that there is no such object. A router's or proxy's 404 is a refusal. */
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface GetOptions {
  readonly resource: Resource;
  readonly at: At;
  readonly metadataOnly: boolean;
}

export async function getObject(api: KubeApi, options: GetOptions, signal: AbortSignal): Promise<Found> {
  const accept = options.metadataOnly ? { accept: metadataOnly } : {};
  const answer = await api.request(
    { method: "GET", path: objectPath(options.resource, options.at), ...accept },
    signal,
  );
  if (answer.kind === "ok") return { kind: "found", object: objectOf(answer.body, "a get") };
  return isAbsence(answer.refusal) ? { kind: "gone" } : answer;
}

export type Deleted =
  /** `finished` when nothing holds the object back any more; `object` is its last state, as far as the server told it. */
  | { readonly kind: "deleted"; readonly finished: boolean; readonly object: JsonRecord }
  | { readonly kind: "gone" }
  /** With 409 when it is not the object, or not the version of it, that was meant. */
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface DeleteOptions {
  readonly resource: Resource;
  readonly at: At;
  /** Deletes only the object with this uid. */
  readonly uid: string;
  /** Only this version of the object; default: any. */
  readonly resourceVersion?: string;
  /** What becomes of its dependants; default: they follow in the background. In the foreground it stays until they are gone. */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

export async function deleteObject(api: KubeApi, options: DeleteOptions, signal: AbortSignal): Promise<Deleted> {
  const { resource, at, uid, resourceVersion, propagation = "Background" } = options;
  const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  const body = { kind: "DeleteOptions", apiVersion: "v1", preconditions, propagationPolicy: propagation };
  const answer = await api.request(
    { method: "DELETE", path: objectPath(resource, at), body: JSON.stringify(body) },
    signal,
  );
  if (answer.kind === "ok") {
    if (textAt(answer.body, "kind") === "Status") return { kind: "deleted", finished: true, object: {} };
    const object = objectOf(answer.body, "a deletion");
    return { kind: "deleted", finished: isFinished(object), object };
  }
  return isAbsence(answer.refusal) ? { kind: "gone" } : answer;
}

/** Some servers answer a finished deletion with the object's last state instead of a Status. */
function isFinished(body: JsonRecord): boolean {
  const grace = numberAt(body, "metadata", "deletionGracePeriodSeconds") ?? 0;
  const held = [...listAt(body, "metadata", "finalizers"), ...listAt(body, "spec", "finalizers")];
  return grace === 0 && held.length === 0;
}

export type Listed =
  | { readonly kind: "ok"; readonly items: readonly JsonRecord[] }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** The metadata of the first few objects of a kind, in one namespace or ("") in all. */
export async function listSome(
  api: KubeApi,
  options: { readonly resource: Resource; readonly namespace: string; readonly limit: number },
  signal: AbortSignal,
): Promise<Listed> {
  const path = `${collectionPath(options.resource, options.namespace)}?limit=${options.limit}`;
  const answer = await api.request({ method: "GET", path, accept: metadataListOnly }, signal);
  if (answer.kind === "refused") return answer;
  return { kind: "ok", items: itemsOf(answer.body, `a list of ${options.resource.plural}`) };
}

/**
 * Lets go of an object that stays: takes labels and our part of the managed fields off exactly this version of it, and
 * changes no field that it has a value in. False when it has changed meanwhile.
 */
export async function disownObject(
  api: KubeApi,
  options: {
    readonly resource: Resource;
    readonly at: At;
    readonly live: JsonRecord;
    readonly labels: readonly string[];
  },
  signal: AbortSignal,
): Promise<{ readonly kind: "disowned" | "changed" } | { readonly kind: "refused"; readonly refusal: Refusal }> {
  const { resource, at, live, labels } = options;
  const others = recordsAt(live, "metadata", "managedFields").filter((entry) => entry["manager"] !== fieldManager);
  const body = JSON.stringify([
    { op: "test", path: "/metadata/uid", value: textAt(live, "metadata", "uid") },
    { op: "test", path: "/metadata/resourceVersion", value: textAt(live, "metadata", "resourceVersion") },
    ...labels
      .filter((name) => textAt(live, "metadata", "labels", name) !== undefined)
      .map((name) => ({ op: "remove", path: `/metadata/labels/${name.replaceAll("/", "~1")}` })),
    // An empty list would change nothing: one empty entry is how the API says "nobody".
    { op: "replace", path: "/metadata/managedFields", value: others.length === 0 ? [{}] : others },
  ]);
  const path = `${objectPath(resource, at)}?fieldManager=${fieldManager}`;
  const contentType = "application/json-patch+json";
  const answer = await api.request({ method: "PATCH", path, contentType, body, accept: metadataOnly }, signal);
  if (answer.kind === "ok") return { kind: "disowned" };
  return answer.refusal.status === 409 || answer.refusal.status === 422 ? { kind: "changed" } : answer;
}

/** Creates an object; `exists` when there is one of that name already. */
export async function createObject(
  api: KubeApi,
  { resource, namespace, body }: { readonly resource: Resource; readonly namespace: string; readonly body: string },
  signal: AbortSignal,
): Promise<{ readonly kind: "created" | "exists" } | { readonly kind: "refused"; readonly refusal: Refusal }> {
  const path = `${collectionPath(resource, namespace)}?fieldManager=${fieldManager}`;
  const answer = await api.request({ method: "POST", path, body }, signal);
  if (answer.kind === "ok") return { kind: "created" };
  return answer.refusal.status === 409 ? { kind: "exists" } : answer;
}

/**
 * Replaces the managed fields of exactly this version of an object, and takes an annotation off. Returns the version
 * that the object has then; undefined when it has changed meanwhile.
 */
export async function replaceManagedFields(
  api: KubeApi,
  options: {
    readonly resource: Resource;
    readonly at: At;
    readonly resourceVersion: string;
    readonly managedFields: readonly unknown[];
    readonly annotation?: string | undefined;
  },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { annotation } = options;
  const body = JSON.stringify([
    { op: "test", path: "/metadata/resourceVersion", value: options.resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: options.managedFields },
    ...(annotation === undefined
      ? []
      : [{ op: "remove", path: `/metadata/annotations/${annotation.replaceAll("~", "~0").replaceAll("/", "~1")}` }]),
  ]);
  const path = `${objectPath(options.resource, options.at)}?fieldManager=${fieldManager}`;
  const contentType = "application/json-patch+json";
  const answer = await api.request({ method: "PATCH", path, contentType, body, accept: metadataOnly }, signal);
  if (answer.kind === "refused") return undefined;
  return textAt(objectOf(answer.body, "a patch"), "metadata", "resourceVersion");
}

function isAbsence(refusal: Refusal): boolean {
  return refusal.status === 404 && refusal.reason === "NotFound";
}
