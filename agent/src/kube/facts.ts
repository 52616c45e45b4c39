import { DroverError } from "@drover/shared/errors";
import { listAt, numberAt, textAt } from "@drover/shared/json";

import { metadataListOnly, type KubeApi } from "./api.ts";

/** What a cluster is, for the hello and for people. */
export interface ClusterFacts {
  /** uid of the namespace kube-system: stays the same for the life of the cluster. */
  readonly clusterUid: string;
  readonly kubernetesVersion: string;
  /** 0 when the agent may not list nodes. */
  readonly nodes: number;
}

export async function fetchFacts(api: KubeApi, signal: AbortSignal): Promise<ClusterFacts> {
  const [clusterUid, kubernetesVersion, nodes] = await Promise.all([
    fetchClusterUid(api, signal),
    fetchVersion(api, signal),
    countNodes(api, signal),
  ]);
  return { clusterUid, kubernetesVersion, nodes };
}

async function fetchClusterUid(api: KubeApi, signal: AbortSignal): Promise<string> {
  const answer = await api.request({ method: "GET", path: "/api/v1/namespaces/kube-system" }, signal);
  const uid = answer.kind === "ok" ? textAt(answer.body, "metadata", "uid") : undefined;
  if (uid !== undefined) return uid;
  const status = answer.kind === "refused" ? answer.refusal.status : answer.status;
  throw new DroverError("api_unreachable", `the API server answered ${status} when asked for namespace kube-system`, {
    hint: "grant the agent's service account the verb get on that namespace",
  });
}

async function fetchVersion(api: KubeApi, signal: AbortSignal): Promise<string> {
  const answer = await api.request({ method: "GET", path: "/version" }, signal);
  return answer.kind === "ok" ? (textAt(answer.body, "gitVersion") ?? "") : "";
}

/** Whether a server of this version may begin a watch with what there is (WatchList, beta since 1.32). */
export function hasInitialEvents(kubernetesVersion: string): boolean {
  const { major, minor } = /^v?(?<major>\d+)\.(?<minor>\d+)/u.exec(kubernetesVersion)?.groups ?? {};
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 32);
}

/** One item is enough: the server says how many remain. */
async function countNodes(api: KubeApi, signal: AbortSignal): Promise<number> {
  const path = "/api/v1/nodes?limit=1";
  const answer = await api.request({ method: "GET", path, accept: metadataListOnly }, signal);
  if (answer.kind === "refused") return 0;
  const remaining = numberAt(answer.body, "metadata", "remainingItemCount") ?? 0;
  return listAt(answer.body, "items").length + remaining;
}
