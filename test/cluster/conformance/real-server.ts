import { startControlPlane } from "../../rig/control-plane.ts";
import { offeredKubeconfig, useExternalCluster } from "../../rig/external-cluster.ts";
import type { RunningServer } from "./under-test.ts";

/** The real control plane with controllers and one hollow node, or the cluster that the user offers. */
export async function startRealServer(): Promise<RunningServer> {
  const offered = offeredKubeconfig();
  if (offered !== undefined) return useExternalCluster(offered);
  const plane = await startControlPlane({ name: "conformance", nodes: 1 });
  return {
    ...plane,
    // etcd drops old revisions, and a new API server has none of them in its watch cache.
    async forgetHistory() {
      await plane.compact();
      await plane.restartApiServer();
    },
    restart: () => plane.restartApiServer(),
  };
}
