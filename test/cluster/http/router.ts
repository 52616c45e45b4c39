import type { Kinds, ServedKind } from "../resources/kinds.ts";

/** What a path names, once it is known to be a resource's. */
export type ResourcePath = {
  readonly kind: ServedKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
};

/**
 * Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; undefined when it names no resource that is served. A namespaced kind
 * under a cluster path, or the other way round, is such a path too.
 */
export function parseResourcePath(path: string, kinds: Kinds): ResourcePath | undefined {
  const parts = segments(path);
  if (parts === undefined) return undefined;
  const [root, ...rest] = parts;
  if (root === "api") return locate({ group: "", version: rest[0] ?? "", rest: rest.slice(1), kinds });
  if (root === "apis") return locate({ group: rest[0] ?? "", version: rest[1] ?? "", rest: rest.slice(2), kinds });
  return undefined;
}

function segments(path: string): string[] | undefined {
  try {
    return path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

const namespaceSubresources = new Set(["status", "finalize"]);

function locate(place: { group: string; version: string; rest: string[]; kinds: Kinds }): ResourcePath | undefined {
  const { group, version, rest, kinds } = place;
  const isNamespaced =
    rest[0] === "namespaces" && rest.length > 2 && !(rest.length === 3 && namespaceSubresources.has(rest[2] ?? ""));
  const [plural, name, subresource, ...extra] = isNamespaced ? rest.slice(2) : rest;
  if (plural === undefined || extra.length > 0) return undefined;
  const kind = kinds.find(group, version, plural);
  if (kind === undefined) return undefined;
  // Over all namespaces there are collections only.
  if (kind.info.namespaced ? !isNamespaced && name !== undefined : isNamespaced) return undefined;
  return { kind, namespace: isNamespaced ? rest[1] : undefined, name, subresource };
}
