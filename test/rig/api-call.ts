/** What a client asks of an API server, told from its request. */
export type CallKind =
  | "discovery"
  | "get"
  | "list"
  | "watch"
  | "create"
  | "apply"
  | "dry-run"
  | "json-patch"
  | "delete"
  | "other";

export interface ApiCall {
  readonly kind: CallKind;
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  readonly group: string;
  /** Plural name; "" outside of resources. */
  readonly resource: string;
  readonly namespace: string;
  /** "" for a collection. */
  readonly name: string;
  readonly body: string;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

export function readCall({ method, path, contentType, body }: ApiRequest): ApiCall {
  const url = new URL(path, "https://api");
  const [root, ...rest] = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const group = root === "apis" ? (rest.shift() ?? "") : "";
  // Without a version and a resource after it a path is about kinds, not about objects.
  const [, ...place] = rest;
  const isApi = root === "api" || root === "apis";
  const inNamespace = place[0] === "namespaces" && place.length > 2;
  const namespace = inNamespace ? (place[1] ?? "") : "";
  const [resource = "", name = "", subresource = ""] = inNamespace ? place.slice(2) : place;
  const base = { method, path, group, resource, namespace, name, body };
  if (!isApi || subresource !== "") return { ...base, kind: "other" };
  if (resource === "") return { ...base, kind: method === "GET" ? "discovery" : "other" };
  return { ...base, kind: kindOf(method, { contentType, name, query: url.searchParams }) };
}

function kindOf(
  method: string,
  {
    contentType,
    name,
    query,
  }: { readonly contentType: string; readonly name: string; readonly query: URLSearchParams },
): CallKind {
  switch (method) {
    case "GET":
      if (query.get("watch") !== null) return "watch";
      return name === "" ? "list" : "get";
    case "POST":
      return "create";
    case "DELETE":
      return "delete";
    case "PATCH":
      if (contentType.startsWith("application/json-patch")) return "json-patch";
      if (!contentType.startsWith("application/apply-patch")) return "other";
      return query.get("dryRun") === null ? "apply" : "dry-run";
    default:
      return "other";
  }
}
