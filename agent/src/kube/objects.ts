import { textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import {
  collectionPath,
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
  /** `finished` when nothing holds the object back any more. */
  | { readonly kind: "deleted"; readonly finished: boolean }
  | { readonly kind: "gone" }
  /** With 409, among others, when another object of the same name is there by now. */
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface DeleteOptions {
  readonly resource: Resource;
  readonly at: At;
  readonly uid: string;
  /** Only this version of the object; default: any. */
  readonly resourceVersion?: string;
  /** What becomes of its dependants; default: they follow in the background. */
  readonly propagation?: "Background" | "Orphan";
}

/** Deletes exactly the object with this uid. */
export async function deleteObject(api: KubeApi, options: DeleteOptions, signal: AbortSignal): Promise<Deleted> {
  const { resource, at, uid, resourceVersion, propagation = "Background" } = options;
  const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  const body = { kind: "DeleteOptions", apiVersion: "v1", preconditions, propagationPolicy: propagation };
  const answer = await api.request(
    { method: "DELETE", path: objectPath(resource, at), body: JSON.stringify(body) },
    signal,
  );
  if (answer.kind === "ok") return { kind: "deleted", finished: textAt(answer.body, "kind") === "Status" };
  return isAbsence(answer.refusal) ? { kind: "gone" } : answer;
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
