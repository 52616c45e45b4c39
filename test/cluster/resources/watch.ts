import type { ClusterState } from "../cluster-state.ts";
import { invalid, tooNew, type Cause } from "../http/status.ts";
import { WatchSource } from "../storage/watch.ts";
import { parseRevision, selectorOf } from "./list.ts";
import type { Reply } from "./reply.ts";
import { flag, type ResourceRequest } from "./request.ts";

/**
 * Where a watch starts. `sendInitialEvents=true` (WatchList) lists first and marks the end with a bookmark; no version
 * or version 0 lists first without the mark; an exact version continues after it.
 */
export function watchObjects(state: ClusterState, request: ResourceRequest): Reply {
  const collection = state.store.collection(request.kind.collection);
  const selector = selectorOf(request);
  const text = request.query.get("resourceVersion") ?? "";
  const revision = text === "" || text === "0" ? 0 : parseRevision(text);
  const current = state.store.revision;
  if (revision > current) throw tooNew(revision, current);
  const initialEvents = request.query.get("sendInitialEvents");
  checkOptions(request, initialEvents);
  const listFirst = initialEvents === null ? revision === 0 : initialEvents === "true";
  const source = new WatchSource({
    collection,
    selector,
    namespace: request.namespace,
    revision: listFirst || revision === 0 ? current : revision,
    initial: listFirst ? collection.list(request.namespace).filter(selector) : [],
    initialEventsEnd: initialEvents === "true" && flag(request, "allowWatchBookmarks"),
  });
  return { type: "watch", kind: request.kind, source };
}

function checkOptions(request: ResourceRequest, initialEvents: string | null): void {
  const match = request.query.get("resourceVersionMatch") ?? "";
  const causes: Cause[] = [];
  if (initialEvents !== null && match !== "NotOlderThan") {
    const message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    causes.push({ reason: "FieldValueForbidden", message, field: "resourceVersionMatch" });
  }
  if (initialEvents === null && match !== "") {
    const message = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    causes.push({ reason: "FieldValueForbidden", message, field: "resourceVersionMatch" });
  }
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", causes);
}
