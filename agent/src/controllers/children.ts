import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { collectionPath, type KubeApi, type Resource } from "../kube/api.ts";

export interface Child {
  readonly group: string;
  /** With `kind`, which items of a list lack. */
  readonly object: JsonRecord;
}

/** What Kubernetes' own controllers make of workloads. */
const kinds: readonly Resource[] = [
  { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets", namespaced: true },
  { group: "batch", version: "v1", kind: "Job", plural: "jobs", namespaced: true },
  { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true },
];

const pageSize = 500;
/** Of one kind in one namespace; a tree of more than that is not for reading. */
const maxObjects = 2_000;

/** Objects in these namespaces that have an owner. A kind that cannot be listed is left out. */
export async function fetchChildren(
  kube: KubeApi,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly Child[]> {
  const lists = namespaces.flatMap((namespace) =>
    kinds.map((resource) => listOwned(kube, { resource, namespace }, signal)),
  );
  return (await Promise.all(lists)).flat();
}

async function listOwned(
  kube: KubeApi,
  { resource, namespace }: { readonly resource: Resource; readonly namespace: string },
  signal: AbortSignal,
): Promise<readonly Child[]> {
  const found: Child[] = [];
  let from: string | undefined = "";
  while (from !== undefined && found.length < maxObjects) {
    const query: string = new URLSearchParams({
      limit: String(pageSize),
      ...(from === "" ? {} : { continue: from }),
    }).toString();
    const answer = await kube.request(
      { method: "GET", path: `${collectionPath(resource, namespace)}?${query}` },
      signal,
    );
    if (answer.kind === "refused") return found;
    for (const item of recordsAt(answer.body, "items")) {
      if (recordsAt(item, "metadata", "ownerReferences").length === 0) continue;
      found.push({ group: resource.group, object: { ...item, kind: resource.kind } });
    }
    from = textAt(answer.body, "metadata", "continue") || undefined;
  }
  return found;
}
