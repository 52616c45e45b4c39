import type { ClusterState } from "../cluster-state.ts";
import { badRequest, expired, tooNew } from "../http/status.ts";
import type { KubeObject } from "../schema/schema.ts";
import type { Collection } from "../storage/collection.ts";
import { compareKeys, keyOfObject } from "../storage/collection.ts";
import { everything, parseFieldSelector, parseLabelSelector, type Selector } from "../storage/selectors.ts";
import { convert } from "./convert.ts";
import { supportedFields } from "./field-labels.ts";
import type { ServedKind } from "./kinds.ts";
import type { ListMetadata, Reply } from "./reply.ts";
import type { ResourceRequest } from "./request.ts";

export function listObjects(state: ClusterState, request: ResourceRequest): Reply {
  const collection = state.store.collection(request.kind.collection);
  const from = request.query.get("continue") ?? "";
  const limit = Number(request.query.get("limit") ?? "0");
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`limit: Invalid value: ${limit}`);
  const token = from === "" ? undefined : parseContinue(from);
  const revision = token?.revision ?? listRevision(state, request);
  const all = objectsAt(collection, { revision, current: state.store.revision, namespace: request.namespace });
  const selector = selectorOf(request);
  const rest = all.filter(
    (object) => (token === undefined || compareKeys(keyOfObject(object), token.after) > 0) && selector(object),
  );
  const page = limit === 0 ? rest : rest.slice(0, limit);
  const metadata = listMetadata({ revision, page, rest, selective: isSelective(request) });
  return { type: "list", kind: request.kind, metadata, items: page.map((object) => convert(object, request.kind)) };
}

/** The selection of a list, a watch or a deletion of a collection. */
export function selectorOf(request: ResourceRequest): Selector {
  const byLabel = parseLabelSelector(request.query.get("labelSelector") ?? "");
  const fieldText = request.query.get("fieldSelector") ?? "";
  const byField = fieldText === "" ? everything : parseFieldSelector(fieldText, supportedFields(request.kind));
  const { name } = request;
  if (byField === everything && name === undefined) return byLabel;
  return (object) => (name === undefined || object.metadata.name === name) && byLabel(object) && byField(object);
}

export function parseRevision(text: string): number {
  const revision = Number(text);
  if (!/^\d+$/u.test(text) || !Number.isSafeInteger(revision)) {
    throw badRequest(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
  }
  return revision;
}

/** Which revision a list shows: the current one, or an older one when the client insists on exactly that. */
function listRevision(state: ClusterState, request: ResourceRequest): number {
  const text = request.query.get("resourceVersion") ?? "";
  const match = request.query.get("resourceVersionMatch") ?? "";
  if (match !== "" && text === "") {
    throw badRequest(
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
  }
  const current = state.store.revision;
  if (text === "" || text === "0") return current;
  const revision = parseRevision(text);
  if (revision > current) throw tooNew(revision, current);
  return match === "Exact" ? revision : current;
}

function objectsAt(
  collection: Collection,
  view: { revision: number; current: number; namespace: string | undefined },
): readonly KubeObject[] {
  if (view.revision === view.current) return collection.list(view.namespace);
  const objects = collection.listAsOf(view.revision, view.namespace);
  if (objects !== undefined) return objects;
  throw expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
  );
}

function isSelective(request: ResourceRequest): boolean {
  return (request.query.get("labelSelector") ?? "") !== "" || (request.query.get("fieldSelector") ?? "") !== "";
}

function listMetadata(list: {
  revision: number;
  page: readonly KubeObject[];
  rest: readonly KubeObject[];
  selective: boolean;
}): ListMetadata {
  const last = list.page.at(-1);
  const resourceVersion = String(list.revision);
  const remaining = list.rest.length - list.page.length;
  if (last === undefined || remaining === 0) return { resourceVersion };
  const token = formatContinue({ revision: list.revision, after: keyOfObject(last) });
  // A selective list does not count what is left, as on the real server.
  return { resourceVersion, continue: token, ...(list.selective ? {} : { remainingItemCount: remaining }) };
}

type ContinueToken = { readonly revision: number; readonly after: string };

function formatContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: token.revision, start: token.after })).toString(
    "base64url",
  );
}

function parseContinue(text: string): ContinueToken {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (
      typeof token === "object" &&
      token !== null &&
      "rv" in token &&
      typeof token.rv === "number" &&
      "start" in token &&
      typeof token.start === "string"
    ) {
      return { revision: token.rv, after: token.start };
    }
  } catch {
    // Falls through to the refusal below, which is the same for every unreadable token.
  }
  throw badRequest("continue key is not valid");
}

/** `DeploymentList` and so on. */
export function listKindOf(kind: ServedKind): string {
  return `${kind.info.kind}List`;
}
