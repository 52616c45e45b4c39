import { forbiddenField, invalidValue } from "../admission/causes.ts";
import type { ClusterState } from "../cluster-state.ts";
import { UnknownPathError } from "../http/status.ts";
import { invalid, unsupportedMediaType, badRequest } from "../http/status.ts";
import { at, cloneJson, isRecord, numberAt, textAt, textsAt, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { checkObjectType, parseBody, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import { isKubeObject, type ServedKind } from "./kinds.ts";
import { applyPatchTo } from "./patch.ts";
import type { Reply } from "./reply.ts";
import { writeContext, type ResourceRequest } from "./request.ts";
import { checkPreconditions } from "./update.ts";
import { replace } from "./write.ts";

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

/** The `scale` subresource: a view of the replicas of any kind that has them. */
export function handleScale(state: ClusterState, request: ResourceRequest, method: string, body: Body): Reply {
  const live = requireLive(state, request);
  const scale = scaleOf(request.kind, live);
  if (method === "GET") return { type: "json", status: 200, body: scale };
  const candidate = method === "PUT" ? putScale(body) : patchScale(request, scale, body);
  const replicas = numberAt(candidate, "spec", "replicas") ?? 0;
  if (replicas < 0) {
    throw invalid({ group: "autoscaling", kind: "Scale" }, request.name ?? "", [
      invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  }
  if (isKubeObject(candidate)) checkPreconditions({ kind: request.kind, live, candidate, needsVersion: false });
  const object = replace(state, writeContext(request), { live, candidate: withReplicas(request.kind, live, replicas) });
  return { type: "json", status: 200, body: scaleOf(request.kind, object) };
}

function putScale(body: Body): unknown {
  checkObjectType(body);
  const value = parseBody(body);
  if (!isRecord(value)) throw badRequest("expected a Scale");
  return value;
}

function patchScale(request: ResourceRequest, scale: KubeObject, body: Body): unknown {
  const type = body.contentType.split(";")[0]?.trim() ?? "";
  if (!patchTypes.includes(type)) {
    if (!type.startsWith("application/apply-patch")) throw unsupportedMediaType(patchTypes);
    return parseBody(body);
  }
  const kind: ServedKind = { ...request.kind, schema: () => ({ kind: "untyped" }) };
  return applyPatchTo(cloneJson(scale), { type, value: parseBody(body), kind });
}

function pathsOf(kind: ServedKind): {
  spec: readonly string[];
  status: readonly string[];
  selector: readonly string[] | undefined;
} {
  if (kind.custom === undefined)
    return { spec: ["spec", "replicas"], status: ["status", "replicas"], selector: undefined };
  const { scale } = kind.custom;
  if (scale === undefined) throw new UnknownPathError();
  return { spec: scale.specReplicas, status: scale.statusReplicas, selector: scale.labelSelector };
}

function scaleOf(kind: ServedKind, object: KubeObject): KubeObject {
  const paths = pathsOf(kind);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const metadata = Object.fromEntries(
    Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const selector = paths.selector === undefined ? selectorText(object) : textAt(object, ...paths.selector);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata,
    spec: { replicas: numberAt(object, ...paths.spec) ?? 0 },
    status: { replicas: numberAt(object, ...paths.status) ?? 0, ...(selector === undefined ? {} : { selector }) },
  };
}

function selectorText(object: KubeObject): string | undefined {
  const labels =
    at(object, "spec", "selector", "matchLabels") === undefined
      ? undefined
      : textsAt(object, "spec", "selector", "matchLabels");
  if (labels === undefined) return undefined;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}

function withReplicas(kind: ServedKind, live: KubeObject, replicas: number): KubeObject {
  const path = pathsOf(kind).spec;
  const copy = cloneJson(live);
  let parent: JsonRecord = copy;
  for (const key of path.slice(0, -1)) {
    const next = parent[key];
    if (isRecord(next)) parent = next;
    else {
      const made: JsonRecord = {};
      parent[key] = made;
      parent = made;
    }
  }
  const last = path.at(-1);
  if (last === undefined)
    throw invalid(kind.info, live.metadata.name ?? "", [forbiddenField("spec", "no replicas path")]);
  parent[last] = replicas;
  return copy;
}
