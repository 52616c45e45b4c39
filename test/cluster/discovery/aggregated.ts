import { createHash } from "node:crypto";

import type { ClusterState } from "../cluster-state.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { DiscoveryAnswer } from "./discover.ts";
import { groupsOf, type Group } from "./groups.ts";
import { subresourcesOf, verbsOf } from "./verbs.ts";

/** `/api` and `/apis` in one document with all resources; kubectl caches it by its ETag. */
export function aggregatedDiscovery(
  state: ClusterState,
  request: { readonly legacy: boolean; readonly version: string; readonly ifNoneMatch: string | undefined },
): DiscoveryAnswer {
  const groups = groupsOf(state).filter(({ group }) => (group === "") === request.legacy);
  const body = JSON.stringify({
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${request.version}`,
    metadata: {},
    items: groups.map(groupEntry),
  });
  const etag = `"${createHash("sha256").update(body).digest("hex").toUpperCase()}"`;
  const contentType = `application/json;g=apidiscovery.k8s.io;v=${request.version};as=APIGroupDiscoveryList`;
  const headers = { etag, vary: "Accept" };
  if (request.ifNoneMatch === etag) return { status: 304, body: "", contentType, headers };
  return { status: 200, body, contentType, headers };
}

function groupEntry({ group, versions }: Group): unknown {
  return {
    metadata: { name: group, creationTimestamp: null },
    versions: versions.map(({ version, kinds }) => ({
      version,
      resources: kinds.map(resourceEntry),
      freshness: "Current",
    })),
  };
}

function resourceEntry(kind: ServedKind): unknown {
  const { info } = kind;
  const subresources = subresourcesOf(kind).map((each) => ({
    subresource: each.name,
    responseKind: { group: each.group, version: each.version, kind: each.kind },
    verbs: each.verbs,
  }));
  return {
    resource: info.plural,
    responseKind: { group: info.group, version: info.version, kind: info.kind },
    scope: info.namespaced ? "Namespaced" : "Cluster",
    singularResource: info.singular,
    verbs: verbsOf(kind),
    ...(info.shortNames.length > 0 ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length > 0 ? { categories: info.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
