import type { ClusterState } from "../cluster-state.ts";
import { internalError } from "../http/status.ts";
import { asObject, checkObjectType, parseBody, validateFields, type Body } from "./decode.ts";
import type { Reply } from "./reply.ts";
import { dryRun, fieldManager, type ResourceRequest } from "./request.ts";
import { insert } from "./write.ts";

export function createObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  checkObjectType(body);
  const object = asObject(parseBody(body), request);
  if ((object.metadata.resourceVersion ?? "") !== "") {
    throw internalError("resourceVersion should not be set on objects to be created");
  }
  const warnings = validateFields(object, request);
  const context = {
    kind: request.kind,
    manager: fieldManager(request),
    dryRun: dryRun(request),
    tracking: "update",
  } as const;
  return { type: "object", status: 201, kind: request.kind, object: insert(state, context, object), warnings };
}
