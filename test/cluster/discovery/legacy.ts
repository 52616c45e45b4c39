import type { ClusterState } from "../cluster-state.ts";
import { apiVersionOf, type ServedKind } from "../resources/kinds.ts";
import { groupsOf, groupVersionName, type Group } from "./groups.ts";
import { subresourcesOf, verbsOf } from "./verbs.ts";

/** `/api` */
export function legacyVersions(): unknown {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

/** `/apis` */
export function groupList(state: ClusterState): unknown {
  const groups = groupsOf(state).filter(({ group }) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupFields) };
}

/** `/apis/GROUP` */
export function groupDocument(state: ClusterState, name: string): unknown {
  const found = groupsOf(state).find(({ group }) => group === name && group !== "");
  return found === undefined ? undefined : { kind: "APIGroup", apiVersion: "v1", ...groupFields(found) };
}

/** `/api/v1` and `/apis/GROUP/VERSION` */
export function resourceList(state: ClusterState, group: string, version: string): unknown {
  const kinds = groupsOf(state)
    .find((each) => each.group === group)
    ?.versions.find((each) => each.version === version)?.kinds;
  if (kinds === undefined) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: groupVersionName(group, version),
    resources: kinds.flatMap(resourceEntries),
  };
}

function groupFields({ group, versions }: Group): Record<string, unknown> {
  const listed = versions.map(({ version }) => ({ groupVersion: groupVersionName(group, version), version }));
  return { name: group, versions: listed, preferredVersion: listed[0] };
}

function resourceEntries(kind: ServedKind): unknown[] {
  const { info } = kind;
  const main = {
    name: info.plural,
    singularName: info.singular,
    namespaced: info.namespaced,
    kind: info.kind,
    verbs: verbsOf(kind),
    ...(info.shortNames.length > 0 ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length > 0 ? { categories: info.categories } : {}),
  };
  const subresources = subresourcesOf(kind).map(({ name, group, version, kind: responseKind, verbs }) => ({
    name: `${info.plural}/${name}`,
    singularName: "",
    namespaced: info.namespaced,
    ...(groupVersionName(group, version) === apiVersionOf(info) ? {} : { group, version }),
    kind: responseKind,
    verbs,
  }));
  return [main, ...subresources];
}
