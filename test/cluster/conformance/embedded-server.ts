import { startCluster } from "../cluster.ts";
import type { RunningServer } from "./under-test.ts";

/** The embedded cluster with real time and its usual delays. */
export async function startEmbeddedServer(): Promise<RunningServer> {
  const cluster = await startCluster({ name: "conformance" });
  return {
    ...cluster,
    forgetHistory() {
      cluster.compact();
      return Promise.resolve();
    },
  };
}
