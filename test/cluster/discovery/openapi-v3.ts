import { createHash } from "node:crypto";

import type { ClusterState } from "../cluster-state.ts";
import { isRecord, recordsAt, textAt, type JsonRecord } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import { openApiDefinitions } from "../schema/schema.ts";
import { customDefinitions, customDefinitionName } from "./custom-openapi.ts";
import type { DiscoveryAnswer } from "./discover.ts";
import { groupsOf } from "./groups.ts";

const schemaPrefix = "#/components/schemas/";

/** Documents of builtin group versions, made once for all clusters of the process. */
const builtinDocuments = new Map<string, string>();

/** `/openapi/v3`: which documents there are, with a hash in each address so that clients may keep them. */
export function openApiV3Index(state: ClusterState): unknown {
  const entries = groupVersions(state).map(({ path, kinds }) => {
    const custom = kinds.filter((kind) => kind.custom !== undefined);
    const content =
      custom.length === 0
        ? state.settings.gitVersion
        : JSON.stringify(custom.map((kind) => [kind.info, kind.custom?.openApiSchema]));
    const hash = createHash("sha256").update(path).update(content).digest("hex").toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

/** `/openapi/v3/api/v1`, `/openapi/v3/apis/GROUP/VERSION`: schemas and the paths that kubectl asks about. */
export function openApiV3(state: ClusterState, path: string): DiscoveryAnswer | undefined {
  const found = groupVersions(state).find((each) => each.path === path);
  if (found === undefined) return undefined;
  const isBuiltin = found.kinds.every((kind) => kind.custom === undefined);
  let body = isBuiltin ? builtinDocuments.get(path) : undefined;
  if (body === undefined) {
    body = JSON.stringify(documentOf(path, found.kinds));
    if (isBuiltin) builtinDocuments.set(path, body);
  }
  return { status: 200, body, contentType: "application/json" };
}

function groupVersions(state: ClusterState): { path: string; kinds: readonly ServedKind[] }[] {
  return groupsOf(state).flatMap(({ group, versions }) =>
    versions.map(({ version, kinds }) => ({
      path: group === "" ? `api/${version}` : `apis/${group}/${version}`,
      kinds,
    })),
  );
}

function documentOf(path: string, kinds: readonly ServedKind[]): unknown {
  const definitions: Record<string, unknown> = { ...openApiDefinitions(), ...customDefinitions(kinds) };
  const names = kinds.flatMap((kind) => definitionName(definitions, kind) ?? []);
  const reachable = reach(definitions, names);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.35.0" },
    paths: Object.fromEntries(kinds.flatMap((kind) => pathsOf(path, kind, definitionName(definitions, kind)))),
    components: { schemas: Object.fromEntries([...reachable].sort().map((name) => [name, asV3(definitions[name])])) },
  };
}

export function definitionName(definitions: Readonly<Record<string, unknown>>, kind: ServedKind): string | undefined {
  if (kind.custom !== undefined) return customDefinitionName(kind);
  const { group, version } = kind.info;
  return Object.keys(definitions).find((name) =>
    recordsAt(definitions[name], "x-kubernetes-group-version-kind").some(
      (each) =>
        (textAt(each, "group") ?? "") === group &&
        textAt(each, "version") === version &&
        textAt(each, "kind") === kind.info.kind,
    ),
  );
}

/** All definitions that the named ones refer to, directly or not. */
function reach(definitions: Readonly<Record<string, unknown>>, names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name) || definitions[name] === undefined) continue;
    found.add(name);
    for (const [, reference] of JSON.stringify(definitions[name]).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/gu)) {
      if (reference !== undefined) queue.push(reference);
    }
  }
  return found;
}

function asV3(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asV3);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) =>
      key === "$ref" && typeof each === "string"
        ? [key, each.replace("#/definitions/", schemaPrefix)]
        : [key, asV3(each)],
    ),
  );
}

const patchTypes = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

const writeParameters = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));

/** The item path of a kind, with what kubectl reads from it: parameters and content types of its writes. */
function pathsOf(root: string, kind: ServedKind, definition: string | undefined): [string, unknown][] {
  const { info } = kind;
  const collection = `/${root}${info.namespaced ? "/namespaces/{namespace}" : ""}/${info.plural}`;
  const gvk = { group: info.group, version: info.version, kind: info.kind };
  const schema: JsonRecord = definition === undefined ? { type: "object" } : { $ref: `${schemaPrefix}${definition}` };
  const content = { "application/json": { schema } };
  const operation = (action: string, extra: JsonRecord): JsonRecord => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
    responses: { 200: { description: "OK", content } },
    ...extra,
  });
  const types = kind.custom === undefined ? [...patchTypes, "application/strategic-merge-patch+json"] : patchTypes;
  const patchContent = Object.fromEntries(types.map((type) => [type, { schema: { type: "object" } }]));
  const write = { parameters: writeParameters, requestBody: { content: { "*/*": { schema } } } };
  return [
    [collection, { get: operation("list", {}), post: operation("post", write) }],
    [
      `${collection}/{name}`,
      {
        get: operation("get", {}),
        put: operation("put", write),
        patch: operation("patch", { parameters: writeParameters, requestBody: { content: patchContent } }),
        delete: operation("delete", {}),
      },
    ],
  ];
}
