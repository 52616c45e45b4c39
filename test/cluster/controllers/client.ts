import { createHash } from "node:crypto";

import type { ClusterState } from "../cluster-state.ts";
import { recordAt, type JsonRecord } from "../json.ts";
import { remove } from "../resources/delete.ts";
import { findLive } from "../resources/get.ts";
import { requireBuiltin, type ServedKind } from "../resources/kinds.ts";
import { insert, replace } from "../resources/write.ts";
import type { KubeObject, OwnerReference } from "../schema/schema.ts";
import { splitKey } from "./controller.ts";

/** What a controller does with objects of one kind: the same verbs as over HTTP, under the controller's name. */
export type ObjectClient = {
  readonly kind: ServedKind;
  readonly get: (key: string) => KubeObject | undefined;
  readonly list: (namespace: string | undefined) => readonly KubeObject[];
  readonly create: (object: JsonRecord) => KubeObject;
  readonly update: (live: KubeObject, candidate: KubeObject) => KubeObject;
  readonly updateStatus: (live: KubeObject, status: JsonRecord, annotations?: Record<string, string>) => KubeObject;
  readonly remove: (live: KubeObject, options?: { readonly gracePeriodSeconds?: number }) => void;
};

export type ResourceId = { readonly group: string; readonly version: string; readonly plural: string };

export const deployments: ResourceId = { group: "apps", version: "v1", plural: "deployments" };
export const replicaSets: ResourceId = { group: "apps", version: "v1", plural: "replicasets" };
export const statefulSets: ResourceId = { group: "apps", version: "v1", plural: "statefulsets" };
export const daemonSets: ResourceId = { group: "apps", version: "v1", plural: "daemonsets" };
export const jobs: ResourceId = { group: "batch", version: "v1", plural: "jobs" };
export const pods: ResourceId = { group: "", version: "v1", plural: "pods" };
export const services: ResourceId = { group: "", version: "v1", plural: "services" };
export const clusterRoles: ResourceId = { group: "rbac.authorization.k8s.io", version: "v1", plural: "clusterroles" };
export const claims: ResourceId = { group: "", version: "v1", plural: "persistentvolumeclaims" };

export function clientFor(state: ClusterState, resource: ResourceId, manager: string): ObjectClient {
  const kind = requireBuiltin(resource.group, resource.version, resource.plural);
  const context = { kind, manager, dryRun: false, tracking: "update" } as const;
  return {
    kind,
    get: (key) => findLive(state, kind, splitKey(key)),
    list: (namespace) => state.store.collection(kind.collection).list(namespace),
    create: (object) =>
      insert(state, context, {
        ...object,
        apiVersion: kind.info.group === "" ? kind.info.version : `${kind.info.group}/${kind.info.version}`,
        kind: kind.info.kind,
        metadata: recordAt(object, "metadata") ?? {},
      }),
    update: (live, candidate) => replace(state, context, { live, candidate }),
    updateStatus: (live, status, annotations) => {
      const metadata = annotations === undefined ? live.metadata : { ...live.metadata, annotations };
      return replace(state, { ...context, subresource: "status" }, { live, candidate: { ...live, metadata, status } });
    },
    remove: (live, options = {}) => {
      remove(state, kind, live, { ...options, propagation: "Background", dryRun: false, uid: live.metadata.uid });
    },
  };
}

export function controllerReference(owner: KubeObject): OwnerReference {
  const { name = "", uid = "" } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

const hashAlphabet = "bcdfghjklmnpqrstvwxz2456789";
const hashLength = 10;

/** A short name for a pod template, stable across restarts. */
export function templateHash(template: unknown): string {
  const digest = createHash("sha256")
    .update(JSON.stringify(template ?? null))
    .digest();
  return [...digest.subarray(0, hashLength)].map((byte) => hashAlphabet[byte % hashAlphabet.length]).join("");
}

export type Condition = {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
};

/** Conditions with their times kept where nothing changed. */
export function mergeConditions(
  former: readonly JsonRecord[],
  wanted: readonly Condition[],
  times: { readonly now: string; readonly hasUpdateTime: boolean },
): JsonRecord[] {
  return wanted.map((condition) => {
    const before = former.find((each) => each["type"] === condition.type);
    const same = before?.["status"] === condition.status;
    const unchanged = same && before["reason"] === condition.reason && before["message"] === condition.message;
    if (unchanged) return before;
    return {
      ...condition,
      ...(times.hasUpdateTime ? { lastUpdateTime: times.now } : {}),
      lastTransitionTime: same ? before["lastTransitionTime"] : times.now,
    };
  });
}
