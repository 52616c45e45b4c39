import type { User } from "../cluster-state.ts";

/** What somebody wants to do, in the terms in which rules are written. */
export type Attributes = ResourceAttributes | PathAttributes;

export type ResourceAttributes = {
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty: the cluster as a whole, or all namespaces. */
  readonly namespace: string;
  /** Empty for verbs on collections. */
  readonly name: string;
};

export type PathAttributes = { readonly user: User; readonly verb: string; readonly path: string };

export type AskedRequest = { readonly method: string; readonly path: string; readonly query: URLSearchParams };

/** The attributes of a request, from its path alone: whether the resource exists is not looked at, as on a real server. */
export function attributesOf(user: User, { method, path, query }: AskedRequest): Attributes {
  const parts = path.split("/").filter((part) => part !== "");
  const place = splitGroup(parts);
  if (place === undefined) return { user, verb: method.toLowerCase(), path };
  const { group, rest } = place;
  const [resource = "", name = "", subresource = ""] = resourceParts(rest);
  const inNamespace = rest[0] === "namespaces" ? (rest[1] ?? "") : "";
  const verb = verbOf(method, { isCollection: name === "", query });
  return { user, verb, group, resource, subresource, namespace: inNamespace, name: name || nameSelected(query) };
}

function splitGroup([root, ...rest]: readonly string[]): { group: string; rest: string[] } | undefined {
  if (root === "api" && rest.length > 1) return { group: "", rest: rest.slice(1) };
  if (root === "apis" && rest.length > 2) return { group: rest[0] ?? "", rest: rest.slice(2) };
  return undefined;
}

const namespaceSubresources = new Set(["status", "finalize"]);

function resourceParts(rest: readonly string[]): readonly string[] {
  const isInside = rest[0] === "namespaces" && rest.length > 2 && !namespaceSubresources.has(rest[2] ?? "");
  return isInside ? rest.slice(2) : rest;
}

const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch" };

function verbOf(method: string, { isCollection, query }: { isCollection: boolean; query: URLSearchParams }): string {
  if (method === "GET" || method === "HEAD") {
    const watch = query.get("watch");
    if (watch === "true" || watch === "1") return "watch";
    return isCollection ? "list" : "get";
  }
  if (method === "DELETE") return isCollection ? "deletecollection" : "delete";
  return verbs[method] ?? "";
}

/** A collection of which one name is selected may be granted by that name. */
function nameSelected(query: URLSearchParams): string {
  return /^metadata\.name==?([^,]+)$/u.exec(query.get("fieldSelector") ?? "")?.[1] ?? "";
}
