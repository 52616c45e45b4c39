import { randomUUID } from "node:crypto";

import type { ClusterAccess } from "./kubeconfig.ts";
import { createKubectl, type Kubectl } from "./kubectl.ts";
import { temporaryFolder } from "./watchdog.ts";

export interface ExternalCluster extends ClusterAccess, AsyncDisposable {
  readonly kubectl: Kubectl;
}

/** The kubeconfig of a disposable cluster that the user offers for the suites, if any. */
export function offeredKubeconfig(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const path = environment["DROVER_TEST_KUBECONFIG"];
  return path === "" ? undefined : path;
}

/**
 * Uses a cluster that is there already, by its kubeconfig's current context. Makes a service account with all rights
 * for the suites, because their clients know bearer tokens only, and removes it on dispose. Objects that the suites
 * leave behind stay: the cluster has to be disposable.
 */
export async function useExternalCluster(kubeconfigPath: string): Promise<ExternalCluster> {
  await using parts = new AsyncDisposableStack();
  const { path: home } = parts.use(await temporaryFolder("external"));
  const kubectl = createKubectl({ kubeconfigPath, home });
  const must = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(args);
    if (code !== 0) throw new Error(`DROVER_TEST_KUBECONFIG: kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const [cluster] = readClusters(await must("config", "view", "--raw", "--minify", "-o", "json"));
  if (cluster === undefined) throw new Error("DROVER_TEST_KUBECONFIG has no cluster in its current context");
  const name = `drover-test-${randomUUID().slice(0, 8)}`;
  await must("-n", "default", "create", "serviceaccount", name);
  parts.defer(async () => {
    await kubectl(["-n", "default", "delete", "serviceaccount", name, "--wait=false"]);
  });
  await must("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", `--serviceaccount=default:${name}`);
  parts.defer(async () => {
    await kubectl(["delete", "clusterrolebinding", name, "--wait=false"]);
  });
  const token = (await must("-n", "default", "create", "token", name, "--duration=4h")).trim();
  const owned = parts.move();
  return {
    name,
    url: cluster.server.replace(/\/$/, ""),
    caPem: cluster.caPem,
    token,
    kubectl,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface KubeconfigView {
  readonly clusters?: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  }[];
}

function readClusters(view: string): readonly { readonly server: string; readonly caPem: string }[] {
  const { clusters = [] } = JSON.parse(view) as KubeconfigView;
  return clusters.map(({ cluster }) => ({
    server: cluster.server,
    caPem: atob(cluster["certificate-authority-data"] ?? ""),
  }));
}
