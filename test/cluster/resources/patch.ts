import type { ClusterState } from "../cluster-state.ts";
import { badRequest, invalid, StatusError, unsupportedMediaType } from "../http/status.ts";
import { cloneJson, isRecord } from "../json.ts";
import { PatchError } from "../patch/error.ts";
import { jsonPatch } from "../patch/json.ts";
import { mergePatch } from "../patch/merge.ts";
import { strategicMergePatch } from "../patch/strategic.ts";
import type { KubeObject } from "../schema/schema.ts";
import { typeErrors } from "../schema/validate.ts";
import { applyObject } from "./apply.ts";
import { checkName, fieldValidation, parseBody, unknownFieldsOf, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import { isKubeObject, type ServedKind } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import { writeContext, type ResourceRequest } from "./request.ts";
import { checkPreconditions } from "./update.ts";
import { replace } from "./write.ts";

const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
const strategicType = "application/strategic-merge-patch+json";
const applyType = "application/apply-patch+yaml";

export function patchObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const { kind } = request;
  const type = body.contentType.split(";")[0]?.trim() ?? "";
  if (!acceptedTypes(kind).includes(type)) throw unsupportedMediaType(acceptedTypes(kind));
  if (type === applyType) return applyObject(state, request, body);
  if (request.query.has("force")) {
    const message = "Forbidden: may not be specified for non-apply patch";
    throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
      { reason: "FieldValueForbidden", message, field: "force" },
    ]);
  }
  const live = requireLive(state, request);
  const candidate = patched({ live, type, patch: parseBody(body), kind });
  checkName(candidate, request);
  const warnings = validatePatched(candidate, request, body);
  checkPreconditions({ kind, live, candidate, needsVersion: false, isPatch: true });
  const object = replace(state, writeContext(request), { live, candidate });
  return { type: "object", status: 200, kind, object, warnings };
}

/** The patch types that a kind takes; a custom kind has no Go struct, so no strategic merge. */
function acceptedTypes(kind: ServedKind): string[] {
  const types = [jsonPatchType, mergePatchType, applyType];
  return kind.custom === undefined ? [...types, strategicType] : types;
}

/** A document with a patch of one of the three client-side kinds applied. Throws 400 or 422. */
export function applyPatchTo(document: unknown, patch: { type: string; value: unknown; kind: ServedKind }): unknown {
  try {
    if (patch.type === jsonPatchType) return jsonPatch(document, patch.value);
    if (!isRecord(patch.value))
      throw badRequest("error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}");
    if (patch.type === strategicType) return strategicMergePatch(document, patch.value, patch.kind.schema());
    return mergePatch(document, patch.value);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.status === 400) throw badRequest(error.message);
    const message = "the server rejected our request due to an error in our request";
    throw new StatusError({ code: 422, reason: "Invalid", message, details: {} });
  }
}

function patched(patch: { live: KubeObject; type: string; patch: unknown; kind: ServedKind }): KubeObject {
  const value = applyPatchTo(cloneJson(patch.live), { type: patch.type, value: patch.patch, kind: patch.kind });
  if (isRecord(value)) {
    for (const field of ["apiVersion", "kind"] as const) {
      if (value[field] !== patch.live[field]) throw badRequest(`the ${field} of a patched object may not change`);
    }
    if (!isRecord(value["metadata"])) value["metadata"] = {};
  }
  if (!isKubeObject(value)) throw badRequest("the patch does not leave an object");
  return value;
}

/** As for whole objects, but what is wrong with the outcome of a patch is reported as 422 of the patch. */
function validatePatched(candidate: KubeObject, request: ResourceRequest, body: Body): string[] {
  const { kind } = request;
  const refuse = (why: string): Error => {
    const message = `Invalid value: ${JSON.stringify(body.bytes.toString("utf8"))}: ${why}`;
    return invalid({ group: "", kind: "" }, "", [{ reason: "FieldValueInvalid", message, field: "patch" }]);
  };
  const [wrong] = kind.custom === undefined ? typeErrors(candidate, kind.schema()) : [];
  if (wrong !== undefined) throw refuse(`json: ${wrong.field}: ${wrong.message}`);
  const warnings = unknownFieldsOf(candidate, kind).map((field) => `unknown field "${field}"`);
  if (warnings.length === 0) return [];
  const validation = fieldValidation(request);
  if (validation === "Strict") throw refuse(`strict decoding error: ${warnings.join(", ")}`);
  return validation === "Warn" ? warnings : [];
}
