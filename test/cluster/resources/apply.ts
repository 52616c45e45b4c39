import { invalidValue } from "../admission/causes.ts";
import { decide } from "../authorization/rbac.ts";
import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { applyFields } from "../fields/apply.ts";
import {
  applyConflict,
  badRequest,
  conflict,
  forbidden,
  internalError,
  invalid,
  staleVersion,
  type StatusError,
} from "../http/status.ts";
import { recordAt, without } from "../json.ts";
import { canonicalMetadata, withoutEmptyFields } from "../schema/canonical.ts";
import { SchemaError } from "../schema/error.ts";
import type { KubeObject } from "../schema/schema.ts";
import { asObject, checkName, parseBody, type Body } from "./decode.ts";
import { findLive } from "./get.ts";
import { apiVersionOf, hasStatus, type ServedKind } from "./kinds.ts";
import type { Reply } from "./reply.ts";
import { contextOf, flag, requireManager, type ResourceRequest } from "./request.ts";
import { insert, replace } from "./write.ts";

/** What only the server writes; no field manager owns it. */
const systemFields = [
  "uid",
  "resourceVersion",
  "generation",
  "selfLink",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
];

/** Server-side apply: creates the object when it is not there, else merges the applied fields into it. */
export function applyObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const { kind, subresource } = request;
  const manager = requireManager(request);
  const applied = typedObject(body, request);
  const named = applied.metadata.name ?? "";
  checkName(applied, request);
  if ((applied.metadata.managedFields ?? undefined) !== undefined)
    throw badRequest("metadata.managedFields must be nil");
  const live = findLive(state, kind, { namespace: request.namespace, name: request.name ?? "" });
  if (live === undefined) {
    requireCreate(state, request);
    // The name of the path serves only to find an object.
    if (named === "") throw undeterminable(request);
  }
  checkIdentity(kind, live, applied);
  const merged = merge({
    live,
    applied: ownable(kind, applied, subresource),
    manager,
    force: flag(request, "force"),
    now: timestamp(state.clock),
    schema: kind.schema(),
    ...(subresource === undefined ? {} : { subresource }),
  });
  const context = { ...contextOf(request), manager, tracking: "given" } as const;
  if (live === undefined) return { type: "object", status: 201, kind, object: insert(state, context, merged) };
  return { type: "object", status: 200, kind, object: replace(state, context, { live, candidate: merged }) };
}

/** An apply that creates needs the verb `create` besides `patch`; the real server does not say so (case 64). */
function requireCreate(state: ClusterState, { kind, user, namespace = "", name = "" }: ResourceRequest): void {
  const { group, plural } = kind.info;
  const asked = { user, verb: "create", group, resource: plural, subresource: "", namespace, name };
  if (!decide(state, asked).allowed) throw forbidden(kind.info, name, "");
}

function merge(request: Parameters<typeof applyFields>[0]): KubeObject {
  try {
    const result = applyFields(request);
    if (result.kind === "conflict") throw applyConflict(result.causes);
    return result.object;
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    // Servers up to at least 1.35 answer 500 here: the error carries no status.
    throw internalError(error.message);
  }
}

/** The body as an object that says its own type, which an apply has to. */
function typedObject(body: Body, request: ResourceRequest): KubeObject {
  const value = parseBody(body);
  const { apiVersion, kind } = recordAt({ value }, "value") ?? {};
  const expected = apiVersionOf(request.kind.info);
  if (apiVersion !== expected) {
    const given = typeof apiVersion === "string" ? apiVersion : "";
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${given}, expected: ${expected}`,
    );
  }
  if (kind === undefined)
    throw internalError(`failed to create typed patch object: no corresponding type for ${expected}`);
  return asObject(value, request);
}

function undeterminable({ name = "" }: ResourceRequest): StatusError {
  return badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

/**
 * What the applied object says of the one that it means. A uid makes the apply one of that object only: 409 when there
 * is none, 422 when it is another one. A resourceVersion is compared with the live one (409); "0" and one of an object
 * that is not there say nothing.
 */
function checkIdentity(kind: ServedKind, live: KubeObject | undefined, applied: KubeObject): void {
  const { uid = "", resourceVersion = "", name = "" } = applied.metadata;
  if (live === undefined) {
    if (uid === "") return;
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(kind.info, name, why);
  }
  const isStale = resourceVersion !== "" && resourceVersion !== "0";
  if (isStale && resourceVersion !== live.metadata.resourceVersion) throw conflict(kind.info, name, staleVersion);
  if (uid !== "" && uid !== live.metadata.uid) {
    throw invalid(kind.info, name, [invalidValue("metadata.uid", uid, "field is immutable")]);
  }
}

/** The part of the applied object that this endpoint writes: without status, or nothing but status. */
function ownable(kind: ServedKind, applied: KubeObject, subresource: string | undefined): KubeObject {
  const metadata = without(applied.metadata, ...systemFields);
  if (subresource === "status") {
    const { name, namespace } = applied.metadata;
    const place = { ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) };
    const status = applied["status"];
    return {
      apiVersion: apiVersionOf(kind.info),
      kind: kind.info.kind,
      metadata: place,
      ...(status === undefined ? {} : { status }),
    };
  }
  const own = hasStatus(kind) ? without(applied, "status") : applied;
  // Empties are absent once they went through a builtin kind's struct, so nobody can own them.
  const object = { ...own, metadata: canonicalMetadata(metadata) };
  return kind.custom === undefined ? withoutEmptyFields(object, kind.schema()) : object;
}
