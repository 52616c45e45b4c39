import { startCluster } from "@drover/cluster/cluster";

import { startControlPlane } from "../rig/control-plane.ts";
import type { ClusterAccess } from "../rig/kubeconfig.ts";

export type Server = "embedded" | "real";

/** A real or embedded API server for one agent. */
export interface LoneServer extends AsyncDisposable {
  readonly access: ClusterAccess;
  /** Ends it and starts it again on the same port: objects stay, connections and the history of changes do not. */
  restart(): Promise<void>;
}

export interface LoneServerOptions {
  /** Runs workloads: the embedded server does unless told otherwise, the real one when told to. */
  readonly controllers?: boolean;
}

export function startLoneServer(server: Server, options: LoneServerOptions): Promise<LoneServer> {
  return server === "real" ? startReal(options) : startEmbedded(options);
}

async function startReal({ controllers = false }: LoneServerOptions): Promise<LoneServer> {
  const plane = await startControlPlane({ name: "lone", nodes: controllers ? 1 : 0 });
  return {
    access: plane,
    restart: () => plane.restartApiServer(),
    [Symbol.asyncDispose]: () => plane.stop(),
  };
}

async function startEmbedded({ controllers = true }: LoneServerOptions): Promise<LoneServer> {
  const cluster = await startCluster({ name: "lone", controllers });
  return {
    access: cluster,
    restart: () => cluster.restart(),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}
