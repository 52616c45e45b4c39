import type { ClusterState } from "../cluster-state.ts";
import { internalError } from "../http/status.ts";
import { asObject, checkObjectType, parseBody, validateFields, type Body } from "./decode.ts";
import type { Reply } from "./reply.ts";
import { writeContext, type ResourceRequest } from "./request.ts";
import { insert } from "./write.ts";

export function createObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  checkObjectType(body);
  const object = asObject(parseBody(body), request);
  if ((object.metadata.resourceVersion ?? "") !== "") {
    throw internalError("resourceVersion should not be set on objects to be created");
  }
  const warnings = validateFields(object, request);
  const created = insert(state, writeContext(request), object);
  return { type: "object", status: 201, kind: request.kind, object: created, warnings };
}
