import { type ControlPlane, startControlPlane } from "../../rig/control-plane.ts";
import { offeredKubeconfig, useExternalCluster } from "../../rig/external-cluster.ts";
import { createApiClient } from "./api-client.ts";
import { configMap } from "./objects.ts";
import type { RunningServer } from "./under-test.ts";

/** The real control plane with controllers and one hollow node, or the cluster that the user offers. */
export async function startRealServer(): Promise<RunningServer> {
  const offered = offeredKubeconfig();
  if (offered !== undefined) return useExternalCluster(offered);
  const plane = await startControlPlane({ name: "conformance", nodes: 1 });
  return { ...plane, forgetHistory: () => forgetHistory(plane) };
}

/** etcd drops old revisions, and a new API server has none of them in its watch cache. */
async function forgetHistory(plane: ControlPlane): Promise<void> {
  const client = createApiClient(plane);
  const latest = await client.post(
    "/api/v1/namespaces/default/configmaps",
    configMap("", {}, { generateName: "now-" }),
  );
  client.close();
  const response = await fetch(`${plane.etcdUrl}/v3/kv/compaction`, {
    method: "POST",
    body: JSON.stringify({ revision: latest.body.metadata.resourceVersion, physical: true }),
  });
  if (!response.ok) throw new Error(`etcd refused to compact: ${await response.text()}`);
  await plane.restartApiServer();
}
