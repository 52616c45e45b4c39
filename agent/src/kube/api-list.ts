import { DroverError } from "@drover/shared/errors";
import { listAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { apiListOf, isApiName, type ApiList } from "@drover/shared/kube/api-list";

import { apiVersionOf, expectKind, type KubeApi } from "./api.ts";

/** One document with everything, of servers that have it (since 1.26); the others send their list of groups. */
const aggregated = ["v2", "v2beta1"]
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .join();
const accept = `${aggregated},application/json`;
/** A server of somebody else's, behind the API server, may hang. */
const timeoutMs = 5_000;

/**
 * Everything that a server serves, as Helm would find it. An aggregated API that does not answer keeps what `previous`
 * says of it: a chart must not lose objects because somebody's server was away. Throws `api_unreachable` when there is
 * nothing that says so, and `input_too_large`.
 */
export async function fetchApiList(api: KubeApi, previous: ApiList | undefined, signal: AbortSignal): Promise<ApiList> {
  await expectReady(api, signal);
  const parts = await Promise.all(["/api", "/apis"].map((path) => fetchPart(api, path, signal)));
  const names = new Set<string>();
  for (const { apiVersion, kinds } of parts.flat()) {
    names.add(apiVersion);
    const known = kinds ?? remembered(previous, apiVersion);
    for (const kind of known) names.add(`${apiVersion}/${kind}`);
  }
  return apiListOf([...names].filter(isApiName));
}

/** A server that has just started does not list yet what it has definitions of. */
async function expectReady(api: KubeApi, signal: AbortSignal): Promise<void> {
  const answer = await api.request({ method: "GET", path: "/readyz", timeoutMs }, signal);
  // Yes is a word and no JSON; and whoever may not ask has to go without.
  const status = answer.kind === "ok" ? answer.status : answer.refusal.status;
  if (status >= 500) throw new DroverError("api_unreachable", `the API server answered ${status} to GET /readyz`);
}

interface GroupVersion {
  readonly apiVersion: string;
  /** undefined = nobody can tell now. */
  readonly kinds: readonly string[] | undefined;
}

function remembered(previous: ApiList | undefined, apiVersion: string): readonly string[] {
  if (previous?.versions.includes(apiVersion) !== true) {
    throw new DroverError("api_unreachable", `the API server cannot tell which kinds ${apiVersion} has`, {
      hint: "kubectl get apiservice: what does not answer has to be mended or deleted",
    });
  }
  const prefix = `${apiVersion}/`;
  return previous.versions.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

async function fetchPart(api: KubeApi, path: string, signal: AbortSignal): Promise<readonly GroupVersion[]> {
  const answer = await api.request({ method: "GET", path, accept, timeoutMs }, signal);
  if (answer.kind === "refused") {
    throw new DroverError("api_unreachable", `the API server answered ${answer.refusal.status} to GET ${path}`);
  }
  const { body } = answer;
  if (textAt(body, "kind") === "APIGroupDiscoveryList") return recordsAt(body, "items").flatMap(versionsOf);
  const isCore = path === "/api";
  expectKind(body, isCore ? "APIVersions" : "APIGroupList", `GET ${path}`);
  const versions = isCore
    ? listAt(body, "versions").filter((version) => typeof version === "string")
    : recordsAt(body, "groups").flatMap((group) =>
        recordsAt(group, "versions").flatMap((version) => textAt(version, "groupVersion") ?? []),
      );
  return Promise.all(
    versions.map(async (apiVersion) => ({ apiVersion, kinds: await fetchKinds(api, `${path}/${apiVersion}`, signal) })),
  );
}

function versionsOf(group: JsonRecord): readonly GroupVersion[] {
  const name = textAt(group, "metadata", "name") ?? "";
  return recordsAt(group, "versions").map((entry) => {
    const apiVersion = apiVersionOf({ group: name, version: textAt(entry, "version") ?? "" });
    const resources = recordsAt(entry, "resources");
    const all = [...resources, ...resources.flatMap((resource) => recordsAt(resource, "subresources"))];
    const kinds = all.flatMap((one) => textAt(one, "responseKind", "kind") ?? []);
    // What never answered the server has no kinds in its list.
    const isUnknown = kinds.length === 0 && textAt(entry, "freshness") === "Stale";
    return { apiVersion, kinds: isUnknown ? undefined : kinds };
  });
}

async function fetchKinds(api: KubeApi, path: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const answer = await api.request({ method: "GET", path, timeoutMs }, signal).catch(() => undefined);
  if (answer?.kind !== "ok" || textAt(answer.body, "kind") !== "APIResourceList") return undefined;
  return recordsAt(answer.body, "resources").flatMap((resource) => textAt(resource, "kind") ?? []);
}
