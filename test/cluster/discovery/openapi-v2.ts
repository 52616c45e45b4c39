import type { ClusterState } from "../cluster-state.ts";
import { mediaRanges } from "../http/negotiate.ts";
import { notAcceptable } from "../http/status.ts";
import { openApiDefinitions } from "../schema/schema.ts";
import { customDefinitions } from "./custom-openapi.ts";
import type { DiscoveryAnswer } from "./discover.ts";

/** `/openapi/v2`, as JSON only: clients that want protobuf use version 3 when they are refused. Throws 406. */
export function openApiV2(state: ClusterState, accept: string | undefined): DiscoveryAnswer {
  const types = mediaRanges(accept ?? "application/json").map(({ type }) => type);
  if (!types.some((type) => type === "application/json" || type === "*/*" || type === ""))
    throw notAcceptable(["application/json"]);
  const definitions = { ...openApiDefinitions(), ...customDefinitions(state.kinds.all()) };
  const document = {
    swagger: "2.0",
    info: { title: "Kubernetes", version: state.settings.gitVersion },
    paths: {},
    definitions,
  };
  return { status: 200, body: JSON.stringify(document), contentType: "application/json" };
}
