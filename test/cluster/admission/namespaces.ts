import type { ClusterState } from "../cluster-state.ts";
import { namespaceTerminating, notFound } from "../http/status.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";

export const namespaces = { group: "", plural: "namespaces" } as const;

/** Refuses new content where there is no namespace (404) or one that is going away (403). */
export function checkNamespace(state: ClusterState, kind: ServedKind, object: KubeObject): void {
  const { namespace, name = "" } = object.metadata;
  if (!kind.info.namespaced || namespace === undefined) return;
  const found = state.store.collection("/namespaces").get(undefined, namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  if (found.metadata.deletionTimestamp !== undefined) throw namespaceTerminating(kind.info, name, namespace);
}
