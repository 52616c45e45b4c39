import { DroverError } from "@drover/shared/errors";
import { numberAt, recordsAt, textAt } from "@drover/shared/json";
import { noFacts, type ClusterFacts } from "@drover/shared/link/link";

import { providerOf, regionOf } from "../core/machines.ts";
import type { KubeApi } from "./api.ts";

/** What the API server says of its cluster, for the hello. */
export interface KnownCluster extends Omit<ClusterFacts, "agentVersion"> {
  /** uid of the namespace kube-system: stays the same for the life of the cluster. */
  readonly clusterUid: string;
}

/** So many nodes tell where a cluster runs: the rest is only counted, by the server. */
const nodesToAsk = 10;

export async function fetchCluster(api: KubeApi, signal: AbortSignal): Promise<KnownCluster> {
  const { kubernetesVersion, provider, region, nodes } = noFacts;
  const [clusterUid, seen] = await Promise.all([fetchClusterUid(api, signal), look(api, signal)]);
  return { clusterUid, kubernetesVersion, provider, region, nodes, ...seen };
}

/** The same cluster as it is now. What the server does not tell, or not to this agent, stays as it was known. */
export async function lookAgain(api: KubeApi, known: KnownCluster, signal: AbortSignal): Promise<KnownCluster> {
  return { ...known, ...(await look(api, signal)) };
}

async function look(api: KubeApi, signal: AbortSignal): Promise<Partial<KnownCluster>> {
  const [version, machines] = await Promise.all([fetchVersion(api, signal), fetchMachines(api, signal)]);
  return { ...version, ...machines };
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

async function fetchVersion(api: KubeApi, signal: AbortSignal): Promise<Partial<KnownCluster>> {
  const answer = await api.request({ method: "GET", path: "/version" }, signal);
  const kubernetesVersion = answer.kind === "ok" ? textAt(answer.body, "gitVersion") : undefined;
  return kubernetesVersion === undefined ? {} : { kubernetesVersion };
}

/** Whether a server of this version may begin a watch with what there is (WatchList, beta since 1.32). */
export function hasInitialEvents(kubernetesVersion: string): boolean {
  const { major, minor } = /^v?(?<major>\d+)\.(?<minor>\d+)/u.exec(kubernetesVersion)?.groups ?? {};
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 32);
}

async function fetchMachines(api: KubeApi, signal: AbortSignal): Promise<Partial<KnownCluster>> {
  const answer = await api.request({ method: "GET", path: `/api/v1/nodes?limit=${nodesToAsk}` }, signal);
  if (answer.kind === "refused" || textAt(answer.body, "kind") !== "NodeList") return {};
  const nodes = recordsAt(answer.body, "items");
  const remaining = numberAt(answer.body, "metadata", "remainingItemCount") ?? 0;
  return { provider: providerOf(nodes), region: regionOf(nodes), nodes: nodes.length + remaining };
}
