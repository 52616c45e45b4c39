import { DroverError } from "@drover/shared/errors";
import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

/** A kind as one API server serves it. */
export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The name in paths: `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Has `scale` and `status` subresources: then a new generation may be all that tells of `kubectl scale`. */
  readonly scalable?: boolean;
}

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Path and query, as sent. */
  readonly path: string;
  /** Default `application/json`. */
  readonly accept?: string;
  /** Media type of `body`; default `application/json`. */
  readonly contentType?: string;
  readonly body?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /** User whose rights are used instead of our own, which must include impersonating that user. */
  readonly as?: string;
}

/** What the API server said no with. Decisions use the codes; `message` may quote an object, so it is never shown raw. */
export interface Refusal {
  readonly status: number;
  /** `Status.reason`; "" when the body was no Status: then not the API server's registry answered, but its router or a proxy. */
  readonly reason: string;
  readonly message: string;
  /** Kind or plural that the refusal is about, as the server names it. */
  readonly about: string;
  readonly causes: readonly RefusalCause[];
  /** From `Retry-After`, in seconds or as a date. */
  readonly retryAfterMs?: number;
}

export interface RefusalCause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** `flowControlled`: the server shares itself out among its clients (API priority and fairness). */
export type KubeAnswer =
  | { readonly kind: "ok"; readonly status: number; readonly body: unknown; readonly flowControlled?: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly flowControlled?: boolean };

export type StreamAnswer =
  | { readonly kind: "ok"; readonly lines: AsyncIterable<unknown> }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** An API server. Both calls throw only `api_unreachable`, `timeout` and `canceled`; every answer is a value. */
export interface KubeApi extends AsyncDisposable {
  request(request: KubeRequest, signal: AbortSignal): Promise<KubeAnswer>;
  /** A GET whose answer is an endless sequence of JSON lines; it ends when the server or the signal ends it. */
  stream(path: string, accept: string, signal: AbortSignal): Promise<StreamAnswer>;
}

/** Media types that make the server leave everything but the metadata out. */
export const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
export const metadataListOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/** The path of a collection: in one namespace, or with namespace "" over all of them. */
export function collectionPath(resource: Resource, namespace = ""): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${resource.plural}`;
}

export function objectPath(resource: Resource, at: { readonly namespace: string; readonly name: string }): string {
  return `${collectionPath(resource, at.namespace)}/${encodeURIComponent(at.name)}`;
}

/** The object that a request for it really is about: the namespace of a key is of no account where the kind has none. */
export function keyIn({ namespaced }: Pick<Resource, "namespaced">, key: ObjectKey): ObjectKey {
  return namespaced || key.namespace === "" ? key : { ...key, namespace: "" };
}

/** `apps/v1`, `v1`. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The items of an answered list. Throws `api_unreachable` for what is no list: emptiness may only be read from one. */
export function itemsOf(body: unknown, what: string): readonly JsonRecord[] {
  const isList = isRecord(body) && textAt(body, "kind")?.endsWith("List") === true;
  if (!isList || textAt(body, "metadata", "resourceVersion") === undefined) throw unreadable(what);
  // Go writes a list that was never filled as null.
  const items = body["items"] ?? [];
  if (!Array.isArray(items)) throw unreadable(what);
  return items.filter(isRecord);
}

/** The object in an answer. Throws `api_unreachable` for what is none, such as the page of something in between. */
export function objectOf(body: unknown, what: string): JsonRecord {
  if (!isRecord(body) || (textAt(body, "metadata", "name") ?? "") === "") throw unreadable(what);
  return body;
}

/** Throws `api_unreachable` for an answer of another kind. */
export function expectKind(body: unknown, kind: string, what: string): void {
  if (textAt(body, "kind") !== kind) throw unreadable(what);
}

function unreadable(what: string): DroverError {
  return new DroverError("api_unreachable", `what was answered to ${what} is not an API server's answer`);
}
