import type { Position } from "../errors.ts";

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Any Kubernetes object as plain JSON data. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

/** One desired object and the place in the repository that declares it. */
export interface Manifest {
  readonly object: KubeObject;
  readonly at?: Position;
}

/** Identity of an object in a cluster. The version is not part of it: an object keeps its identity across versions. */
export interface ObjectKey {
  /** "" for the core group. */
  readonly group: string;
  readonly kind: string;
  /** "" for cluster-scoped objects, and before the default namespace is known. */
  readonly namespace: string;
  readonly name: string;
}

/** A name as it may stand in the path of a request and on a terminal: RBAC allows more than DNS does. */
export const namePattern = /^(?!\.{1,2}$)[^/%\s\p{Cc}\p{Cf}\p{Cs}]{1,253}$/u;
export const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u;
export const apiVersionPattern = /^(?:[a-z0-9][-a-z0-9.]*\/)?[a-z0-9][-a-z0-9]*$/u;
export const kindPattern = /^[A-Za-z][A-Za-z0-9]*$/u;

export function objectKey(object: KubeObject): ObjectKey {
  return {
    group: splitApiVersion(object.apiVersion).group,
    kind: object.kind,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
  };
}

/** `apps/v1` → group `apps`, version `v1`; `v1` → group "". */
export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `Deployment.apps shop/web`: unique, and readable in messages. */
export function formatObjectKey(key: ObjectKey): string {
  const kind = key.group === "" ? key.kind : `${key.kind}.${key.group}`;
  return `${kind} ${key.namespace === "" ? "" : `${key.namespace}/`}${key.name}`;
}

/** The inverse of `formatObjectKey`; undefined for any other text. */
export function parseObjectKey(text: string): ObjectKey | undefined {
  const match = /^(?<kind>[^\s./]+)(?:\.(?<group>\S+))? (?:(?<namespace>[^\s/]+)\/)?(?<name>[^\s/]+)$/u.exec(text);
  if (match?.groups === undefined) return undefined;
  const { kind = "", group = "", namespace = "", name = "" } = match.groups;
  return { group, kind, namespace, name };
}
