import type { ClusterState } from "../cluster-state.ts";
import { methodNotAllowed, UnknownPathError } from "../http/status.ts";
import { answerReview, isReview, requestToken } from "./access.ts";
import { createObject } from "./create.ts";
import type { Body } from "./decode.ts";
import { deleteCollection, deleteObject } from "./delete.ts";
import { getObject } from "./get.ts";
import { listObjects } from "./list.ts";
import { finalizeNamespace } from "./namespace-finalize.ts";
import { patchObject } from "./patch.ts";
import { bindPod, evictPod, podLog } from "./pods.ts";
import type { Reply } from "./reply.ts";
import { flag, type ResourceRequest } from "./request.ts";
import { handleScale } from "./scale.ts";
import { updateObject } from "./update.ts";
import { watchObjects } from "./watch.ts";

/** From a method and what its path names to the verb that answers. Throws StatusError and UnknownPathError. */
export function dispatch(state: ClusterState, request: ResourceRequest, method: string, body: Body): Reply {
  if (request.subresource !== undefined) return onSubresource(state, request, method, body);
  return request.name === undefined
    ? onCollection(state, request, method, body)
    : onObject(state, request, method, body);
}

function onCollection(state: ClusterState, request: ResourceRequest, method: string, body: Body): Reply {
  // Only lists reach over all namespaces.
  const everywhere = request.kind.info.namespaced && request.namespace === undefined;
  if (isReview(request.kind.collection)) {
    if (method !== "POST") throw methodNotAllowed();
    return answerReview(state, request, body);
  }
  if (method === "GET") return flag(request, "watch") ? watchObjects(state, request) : listObjects(state, request);
  if (everywhere) throw methodNotAllowed();
  if (method === "POST") return createObject(state, request, body);
  if (method === "DELETE") return deleteCollection(state, request, body);
  throw methodNotAllowed();
}

function onObject(state: ClusterState, request: ResourceRequest, method: string, body: Body): Reply {
  switch (method) {
    case "GET":
      return flag(request, "watch") ? watchObjects(state, request) : getObject(state, request);
    case "PUT":
      return updateObject(state, request, body);
    case "PATCH":
      return patchObject(state, request, body);
    case "DELETE":
      return deleteObject(state, request, body);
    default:
      throw methodNotAllowed();
  }
}

type Handler = (state: ClusterState, request: ResourceRequest, body: Body) => Reply;

/** Subresources of single kinds: `collection/subresource method`. */
const special: Readonly<Record<string, Handler>> = {
  "/namespaces/finalize PUT": finalizeNamespace,
  "/pods/binding POST": bindPod,
  "/pods/eviction POST": evictPod,
  "/pods/log GET": podLog,
  "/serviceaccounts/token POST": requestToken,
};

function onSubresource(state: ClusterState, request: ResourceRequest, method: string, body: Body): Reply {
  const { kind, subresource = "" } = request;
  const handler = special[`${kind.collection}/${subresource} ${method}`];
  if (handler !== undefined) return handler(state, request, body);
  if (!kind.info.subresources.some((each) => each === subresource)) throw new UnknownPathError();
  if (method !== "GET" && method !== "PUT" && method !== "PATCH") throw methodNotAllowed();
  return subresource === "scale" ? handleScale(state, request, method, body) : onObject(state, request, method, body);
}
