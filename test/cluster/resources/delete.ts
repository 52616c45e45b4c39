import { notSupported } from "../admission/causes.ts";
import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { conflict, forbidden, invalid } from "../http/status.ts";
import { listAt, numberAt, recordAt, textAt, without } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { convert } from "./convert.ts";
import { parseBody, type Body } from "./decode.ts";
import { requireLive } from "./get.ts";
import type { ServedKind } from "./kinds.ts";
import { selectorOf } from "./list.ts";
import type { Reply } from "./reply.ts";
import { dryRun, type ResourceRequest } from "./request.ts";
import { isFinal } from "./write.ts";

export type Propagation = "Background" | "Foreground" | "Orphan";

export type DeleteOptions = {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: Propagation | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly dryRun: boolean;
};

/** Namespaces that a cluster cannot do without. */
const permanent = new Set(["default", "kube-public", "kube-system"]);

const foreground = "foregroundDeletion";
const orphan = "orphan";

/** Collections whose deletion answers with the object rather than with a Status. */
const returnsObject = new Set([
  "/pods",
  "/services",
  "/serviceaccounts",
  "/persistentvolumeclaims",
  "/persistentvolumes",
  "/podtemplates",
  "/resourcequotas",
]);

export function deleteObject(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const { kind } = request;
  const options = readOptions(request, body);
  const live = requireLive(state, request);
  admit(request, live, options);
  if (kind.collection === "/namespaces" && permanent.has(request.name ?? "")) {
    throw forbidden(kind.info, request.name ?? "", "this namespace may not be deleted");
  }
  const left = remove(state, kind, live, options);
  if (left !== undefined) return { type: "object", status: 200, kind, object: left };
  if (returnsObject.has(kind.collection)) return { type: "object", status: 200, kind, object: live };
  const { name = "", uid = "" } = live.metadata;
  const group = kind.info.group === "" ? {} : { group: kind.info.group };
  const details = { name, ...group, kind: kind.info.plural, uid };
  return {
    type: "json",
    status: 200,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details },
  };
}

export function deleteCollection(state: ClusterState, request: ResourceRequest, body: Body): Reply {
  const { kind } = request;
  const options = readOptions(request, body);
  const selected = state.store.collection(kind.collection).list(request.namespace).filter(selectorOf(request));
  const items = selected.map((object) => convert(object, kind));
  for (const object of items) admit(request, object, options);
  for (const object of items) remove(state, kind, object, options);
  return { type: "list", kind, items, metadata: { resourceVersion: String(state.store.revision) } };
}

/** Throws what a webhook refuses the deletion with. */
function admit({ kind, name = "", admission }: ResourceRequest, live: KubeObject, { dryRun }: DeleteOptions): void {
  if (admission === undefined) return;
  const { namespace } = live.metadata;
  const place = { kind, name, namespace, subresource: undefined };
  const review = { ...place, operation: "DELETE", object: undefined, oldObject: live, dryRun } as const;
  admission.mutate(review);
  admission.validate(review);
}

/**
 * Starts or completes a deletion. Returns the object while something still holds it (a finalizer, a grace period),
 * undefined once it is gone. Throws 409 when a precondition does not hold.
 */
export function remove(
  state: ClusterState,
  kind: ServedKind,
  live: KubeObject,
  options: DeleteOptions,
): KubeObject | undefined {
  checkPreconditions(kind, live, options);
  const marked = markDeleted(state, kind, live, options);
  if (options.dryRun) return isFinal(kind, marked) ? undefined : marked;
  if (isFinal(kind, marked)) {
    state.store.remove(kind.collection, live);
    return undefined;
  }
  const alreadyMarked = live.metadata.deletionTimestamp !== undefined && marked === live;
  return alreadyMarked ? live : convert(state.store.put(kind.collection, marked), kind);
}

function checkPreconditions(kind: ServedKind, live: KubeObject, options: DeleteOptions): void {
  const { name = "", uid = "", resourceVersion = "" } = live.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw conflict(
      kind.info,
      name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(kind.info, name, why);
  }
}

function markDeleted(state: ClusterState, kind: ServedKind, live: KubeObject, options: DeleteOptions): KubeObject {
  const finalizers = finalizersFor(live.metadata.finalizers ?? [], options.propagation);
  const grace = graceSeconds(kind, live, options);
  const metadata = { ...without(live.metadata, "finalizers"), ...(finalizers.length > 0 ? { finalizers } : {}) };
  const same = finalizers.length === (live.metadata.finalizers ?? []).length;
  if (live.metadata.deletionTimestamp !== undefined) {
    const shorter = grace < (live.metadata.deletionGracePeriodSeconds ?? 0);
    if (same && !shorter) return live;
    return { ...live, metadata: { ...metadata, ...(shorter ? { deletionGracePeriodSeconds: grace } : {}) } };
  }
  const generation = live.metadata.generation === undefined ? {} : { generation: live.metadata.generation + 1 };
  const object: KubeObject = {
    ...live,
    metadata: {
      ...metadata,
      ...generation,
      deletionTimestamp: timestamp(state.clock),
      deletionGracePeriodSeconds: grace,
    },
  };
  if (kind.collection === "/namespaces") object["status"] = { ...recordAt(live, "status"), phase: "Terminating" };
  return object;
}

function finalizersFor(current: readonly string[], propagation: Propagation | undefined): string[] {
  const others = current.filter((name) => name !== foreground && name !== orphan);
  if (propagation === "Foreground") return [...others, foreground];
  if (propagation === "Orphan") return [...others, orphan];
  return propagation === "Background" ? others : [...current];
}

const podGraceSeconds = 30;

function graceSeconds(kind: ServedKind, live: KubeObject, options: DeleteOptions): number {
  if (kind.collection !== "/pods" || textAt(live, "spec", "nodeName") === undefined) return 0;
  const phase = textAt(live, "status", "phase");
  if (phase === "Succeeded" || phase === "Failed") return 0;
  return options.gracePeriodSeconds ?? numberAt(live, "spec", "terminationGracePeriodSeconds") ?? podGraceSeconds;
}

function readOptions(request: ResourceRequest, body: Body): DeleteOptions {
  const value = body.bytes.length === 0 ? {} : parseBody(body);
  const policy = request.query.get("propagationPolicy") ?? textAt(value, "propagationPolicy");
  const orphanDependents = recordAt(value)?.["orphanDependents"];
  const grace = request.query.get("gracePeriodSeconds");
  const propagation =
    policy ?? (orphanDependents === true ? "Orphan" : orphanDependents === false ? "Background" : undefined);
  return {
    uid: textAt(value, "preconditions", "uid"),
    resourceVersion: textAt(value, "preconditions", "resourceVersion"),
    propagation: propagation === undefined ? undefined : asPropagation(propagation),
    gracePeriodSeconds: grace === null ? numberAt(value, "gracePeriodSeconds") : Number(grace),
    dryRun: dryRun(request) || listAt(value, "dryRun").includes("All"),
  };
}

function asPropagation(text: string): Propagation {
  if (text === "Background" || text === "Foreground" || text === "Orphan") return text;
  const cause = notSupported("propagationPolicy", text, ["Background", "Foreground", "Orphan"]);
  throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", [cause]);
}
