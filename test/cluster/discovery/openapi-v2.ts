import type { ClusterState } from "../cluster-state.ts";
import { mediaRanges } from "../http/negotiate.ts";
import { notAcceptable } from "../http/status.ts";
import { openApiDefinitions } from "../schema/schema.ts";
import { customDefinitions } from "./custom-openapi.ts";
import type { DiscoveryAnswer } from "./discover.ts";

const protobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/**
 * `/openapi/v2`. In protobuf, which kubectl asks for to validate a `v1/List` itself, the document has no definitions:
 * kubectl then leaves validation to the server. Everything else it reads from version 3. Throws 406.
 */
export function openApiV2(state: ClusterState, accept: string | undefined): DiscoveryAnswer {
  const info = { title: "Kubernetes", version: state.settings.gitVersion };
  for (const { type } of mediaRanges(accept ?? "application/json")) {
    if (/^application\/com\.github\.proto-openapi\.spec\.v2[.@]v1\.0\+protobuf$/u.test(type)) {
      return { status: 200, body: emptyDocument(info), contentType: protobufType };
    }
    if (type === "application/json" || type === "*/*" || type === "") {
      const definitions = { ...openApiDefinitions(), ...customDefinitions(state.kinds.all()) };
      const document = { swagger: "2.0", info, paths: {}, definitions };
      return { status: 200, body: JSON.stringify(document), contentType: "application/json" };
    }
  }
  throw notAcceptable(["application/json", protobufType]);
}

/** An `openapi.v2.Document` with `swagger` (1), `info` (2: title 1, version 2) and empty `paths` (8). */
function emptyDocument(info: { readonly title: string; readonly version: string }): Buffer {
  const field = (number: number, value: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
  const text = (number: number, value: string): Buffer => field(number, Buffer.from(value));
  const infoMessage = Buffer.concat([text(1, info.title), text(2, info.version)]);
  return Buffer.concat([text(1, "2.0"), field(2, infoMessage), field(8, Buffer.alloc(0))]);
}
