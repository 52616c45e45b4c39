import { isRecord, listAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { expectKind, type KubeApi, type Refusal, type Resource } from "./api.ts";
import { listSome } from "./objects.ts";

/** What would be deleted along with an object; `unknown` when the server cannot tell all of it. */
export type Contents =
  | { readonly kind: "none" }
  | { readonly kind: "some"; readonly example: string }
  | { readonly kind: "unknown"; readonly refusal: Refusal };

const none: Contents = { kind: "none" };
const perKind = 50;

/** Whether objects of the kind exist that a live CustomResourceDefinition defines, anybody's. */
export async function findInstances(api: KubeApi, definition: JsonRecord, signal: AbortSignal): Promise<Contents> {
  const served = recordsAt(definition, "spec", "versions").find((version) => version["served"] === true);
  const version = textAt(served, "name");
  const group = textAt(definition, "spec", "group") ?? "";
  const kind = textAt(definition, "spec", "names", "kind") ?? "";
  const plural = textAt(definition, "spec", "names", "plural") ?? "";
  if (version === undefined) return none;
  const resource = { group, version, kind, plural, namespaced: false };
  const listed = await listSome(api, { resource, namespace: "", limit: 1 }, signal);
  if (listed.kind === "refused") return isServed(definition) ? unknown(listed.refusal) : none;
  const [first] = listed.items;
  return first === undefined ? none : { kind: "some", example: describe(resource, first) };
}

/** A definition whose names were refused is not served, and has no objects. */
function isServed(definition: JsonRecord): boolean {
  const conditions = recordsAt(definition, "status", "conditions");
  return !conditions.some(({ type, status }) => type === "NamesAccepted" && status === "False");
}

/**
 * Whether a namespace holds anything besides what the cluster puts into every namespace and what goes with its owner. It
 * looks at every kind that the server has: one that cannot be listed makes the answer `unknown`.
 */
export async function findContent(api: KubeApi, namespace: string, signal: AbortSignal): Promise<Contents> {
  const kinds = await listKinds(api, signal);
  if (kinds.kind === "refused") return unknown(kinds.refusal);
  for (const resource of kinds.resources) {
    const listed = await listSome(api, { resource, namespace, limit: perKind }, signal);
    if (listed.kind === "refused") return unknown(listed.refusal);
    const foreign = listed.items.find((item) => !isIncidental(resource, item));
    if (foreign !== undefined) return { kind: "some", example: describe(resource, foreign) };
  }
  return none;
}

type Kinds =
  | { readonly kind: "ok"; readonly resources: readonly Resource[] }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Every namespaced kind whose objects can be listed and deleted, each in the version that the server prefers. */
async function listKinds(api: KubeApi, signal: AbortSignal): Promise<Kinds> {
  const groups = await api.request({ method: "GET", path: "/apis" }, signal);
  if (groups.kind === "refused") return groups;
  expectKind(groups.body, "APIGroupList", "GET /apis");
  const versions = recordsAt(groups.body, "groups").map((group) => textAt(group, "preferredVersion", "groupVersion"));
  const resources: Resource[] = [];
  for (const apiVersion of ["v1", ...versions]) {
    if (apiVersion === undefined) continue;
    const path = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const answer = await api.request({ method: "GET", path }, signal);
    if (answer.kind === "refused") return answer;
    expectKind(answer.body, "APIResourceList", `GET ${path}`);
    const slash = apiVersion.indexOf("/");
    const group = slash < 0 ? "" : apiVersion.slice(0, slash);
    const version = apiVersion.slice(slash + 1);
    for (const entry of recordsAt(answer.body, "resources")) {
      const plural = textAt(entry, "name") ?? "";
      const kind = textAt(entry, "kind") ?? "";
      const verbs = listAt(entry, "verbs");
      const counts = entry["namespaced"] === true && verbs.includes("list") && verbs.includes("delete");
      if (counts && !plural.includes("/") && !fleeting.has(plural)) {
        resources.push({ group, version, kind, plural, namespaced: true });
      }
    }
  }
  return { kind: "ok", resources };
}

/** Kinds whose objects nobody makes for their own sake. */
const fleeting: ReadonlySet<string> = new Set(["events", "leases", "endpoints", "endpointslices"]);

function isIncidental({ kind, group }: Resource, item: JsonRecord): boolean {
  const { metadata } = item;
  if (!isRecord(metadata)) return false;
  if (listAt(metadata, "ownerReferences").length > 0 || metadata["deletionTimestamp"] !== undefined) return true;
  if (group !== "") return false;
  if (kind === "ServiceAccount") return metadata["name"] === "default";
  if (kind === "ConfigMap") return metadata["name"] === "kube-root-ca.crt";
  return kind === "Secret" && textAt(metadata, "annotations", "kubernetes.io/service-account.name") === "default";
}

function describe({ kind }: Resource, item: JsonRecord): string {
  const namespace = textAt(item, "metadata", "namespace");
  const name = textAt(item, "metadata", "name") ?? "";
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

function unknown(refusal: Refusal): Contents {
  return { kind: "unknown", refusal };
}
