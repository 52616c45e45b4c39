import type { ClusterState } from "../cluster-state.ts";
import { isRecord, recordAt } from "../json.ts";
import { asObject, parseBody, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import type { Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";
import { isFinal } from "./write.ts";

/** The only way to change `spec.finalizers` of a namespace, which hold it until its content is gone. */
export function finalizeNamespace(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const { kind } = request;
  const live = requireLive(state, request);
  const given = asObject(parseBody(body), request);
  const finalizers = recordAt(given, "spec")?.["finalizers"];
  const spec = isRecord(live["spec"]) ? live["spec"] : {};
  const object = { ...live, spec: { ...spec, finalizers: Array.isArray(finalizers) ? finalizers : [] } };
  if (live.metadata.deletionTimestamp !== undefined && isFinal(kind, object)) {
    return { type: "object", status: 200, kind, object: state.store.remove(kind.collection, object) };
  }
  return { type: "object", status: 200, kind, object: state.store.put(kind.collection, object) };
}
