import type { ClusterState } from "../cluster-state.ts";
import { notFound } from "../http/status.ts";
import type { KubeObject } from "../schema/schema.ts";
import { convert } from "./convert.ts";
import type { ServedKind } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";

export function getObject(state: ClusterState, request: ResourceRequest): Reply {
  return { type: "object", status: 200, kind: request.kind, object: requireLive(state, request) };
}

/** The stored object in the kind's version; undefined when there is none. */
export function findLive(
  state: ClusterState,
  kind: ServedKind,
  key: { readonly namespace: string | undefined; readonly name: string },
): KubeObject | undefined {
  const found = state.store.collection(kind.collection).get(key.namespace, key.name);
  return found === undefined ? undefined : convert(found, kind);
}

/** Throws 404. */
export function requireLive(state: ClusterState, request: ResourceRequest): KubeObject {
  const name = request.name ?? "";
  const live = findLive(state, request.kind, { namespace: request.namespace, name });
  if (live === undefined) throw notFound(request.kind.info, name);
  return live;
}
