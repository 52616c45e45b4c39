import type { ClusterState } from "../cluster-state.ts";
import { mediaRanges } from "../http/negotiate.ts";
import { aggregatedDiscovery } from "./aggregated.ts";
import { groupDocument, groupList, legacyVersions, resourceList } from "./legacy.ts";
import { openApiV2 } from "./openapi-v2.ts";
import { openApiV3, openApiV3Index } from "./openapi-v3.ts";
import { versionDocument } from "./version.ts";

export type DiscoveryAnswer = {
  readonly status: number;
  readonly body: string | Buffer;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
};

type Headers = { readonly accept: string | undefined; readonly ifNoneMatch: string | undefined };

/** Answers every path that is about the API rather than in it; undefined when the path is none of these. */
export function discover(state: ClusterState, path: string, headers: Headers): DiscoveryAnswer | undefined {
  if (path === "/healthz" || path === "/livez" || path === "/readyz") {
    return { status: 200, body: "ok", contentType: "text/plain; charset=utf-8" };
  }
  if (path === "/version" || path === "/version/") return json(versionDocument(state.settings.gitVersion));
  if (path === "/openapi/v2") return openApiV2(state, headers.accept);
  if (path === "/openapi/v3" || path === "/openapi/v3/") return json(openApiV3Index(state));
  if (path.startsWith("/openapi/v3/")) return openApiV3(state, path.slice("/openapi/v3/".length));
  return discoverGroups(state, path, headers);
}

function discoverGroups(state: ClusterState, path: string, headers: Headers): DiscoveryAnswer | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const [root, first, second] = parts;
  if (root !== "api" && root !== "apis")
    return parts.length === 0 ? json({ paths: ["/api", "/apis", "/openapi/v3", "/version"] }) : undefined;
  if (parts.length === 1) {
    const aggregated = wantsAggregated(headers.accept);
    if (aggregated !== undefined)
      return aggregatedDiscovery(state, {
        legacy: root === "api",
        version: aggregated,
        ifNoneMatch: headers.ifNoneMatch,
      });
    return json(root === "api" ? legacyVersions() : groupList(state));
  }
  if (root === "api") return parts.length === 2 ? optionalJson(resourceList(state, "", first ?? "")) : undefined;
  if (parts.length === 2) return optionalJson(groupDocument(state, first ?? ""));
  return parts.length === 3 ? optionalJson(resourceList(state, first ?? "", second ?? "")) : undefined;
}

/** The version of aggregated discovery that a client prefers over the unaggregated documents. */
function wantsAggregated(accept: string | undefined): string | undefined {
  for (const { type, parameters } of mediaRanges(accept ?? "")) {
    if (type !== "application/json") continue;
    if (parameters.get("as") === undefined) return undefined;
    const version = parameters.get("v");
    const isWanted = parameters.get("g") === "apidiscovery.k8s.io" && parameters.get("as") === "APIGroupDiscoveryList";
    if (isWanted && (version === "v2" || version === "v2beta1")) return version;
  }
  return undefined;
}

function json(body: unknown): DiscoveryAnswer {
  return { status: 200, body: JSON.stringify(body), contentType: "application/json" };
}

function optionalJson(body: unknown): DiscoveryAnswer | undefined {
  return body === undefined ? undefined : json(body);
}
