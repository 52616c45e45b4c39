import { invalidValue } from "../admission/causes.ts";
import type { ClusterState } from "../cluster-state.ts";
import { conflict, invalid, staleVersion } from "../http/status.ts";
import type { KubeObject } from "../schema/schema.ts";
import { asObject, checkName, checkObjectType, parseBody, validateFields, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import type { ServedKind } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import { writeContext, type ResourceRequest } from "./request.ts";
import { replace } from "./write.ts";

/** Kinds that a PUT without resourceVersion does not overwrite. */
const conditionalOnly = new Set([
  "apiextensions.k8s.io/customresourcedefinitions",
  "apiregistration.k8s.io/apiservices",
  "admissionregistration.k8s.io/mutatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingwebhookconfigurations",
  "coordination.k8s.io/leases",
  "discovery.k8s.io/endpointslices",
  "policy/poddisruptionbudgets",
]);

export function updateObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  checkObjectType(body);
  const { kind } = request;
  const candidate = asObject(parseBody(body), request);
  checkName(candidate, request);
  const warnings = validateFields(candidate, request);
  const live = requireLive(state, request);
  checkPreconditions({
    kind,
    live,
    candidate,
    needsVersion: kind.custom !== undefined || conditionalOnly.has(kind.collection),
  });
  const object = replace(state, writeContext(request), { live, candidate });
  return { type: "object", status: 200, kind, object, warnings };
}

/** What the candidate says about the state it was made from: uid and resourceVersion. Throws 409, or 422 without one. */
export function checkPreconditions(update: {
  readonly kind: ServedKind;
  readonly live: KubeObject;
  readonly candidate: KubeObject;
  readonly needsVersion: boolean;
  /** A PUT names the object it means by its uid; the outcome of a patch may only not change it. */
  readonly isPatch?: boolean;
}): void {
  const { live, candidate, kind } = update;
  const name = live.metadata.name ?? "";
  const { uid = "", resourceVersion = "" } = candidate.metadata;
  if (uid !== "" && uid !== live.metadata.uid) {
    if (update.isPatch === true)
      throw invalid(kind.info, name, [invalidValue("metadata.uid", uid, "field is immutable")]);
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ""}`;
    throw conflict(kind.info, name, why);
  }
  if (resourceVersion === "" && update.needsVersion) {
    const message = "Invalid value: 0: must be specified for an update";
    throw invalid(kind.info, name, [{ reason: "FieldValueInvalid", message, field: "metadata.resourceVersion" }]);
  }
  if (resourceVersion !== "" && resourceVersion !== live.metadata.resourceVersion) {
    throw conflict(kind.info, name, staleVersion);
  }
}
