import { manualClock } from "@drover/cluster/clock";
import { openCluster, type ClusterSnapshot } from "@drover/cluster/cluster";

import { startMs } from "./time.ts";

let made: ClusterSnapshot | undefined;

/** Everything that a new cluster holds, and the agent's namespace. Made once: each cluster only gets a uid of its own. */
export function clusterTemplate(systemUid: string): ClusterSnapshot {
  made ??= make();
  const { revision, collections } = made;
  const namespaces = (collections["/namespaces"] ?? []).map((namespace) =>
    namespace.metadata.name === "kube-system"
      ? { ...namespace, metadata: { ...namespace.metadata, uid: systemUid } }
      : namespace,
  );
  return { revision, collections: { ...collections, "/namespaces": namespaces } };
}

function make(): ClusterSnapshot {
  let uids = 0;
  const newUid = (): string => `00000000-0000-4000-8000-${String((uids += 1)).padStart(12, "0")}`;
  using cluster = openCluster({ name: "template", clock: manualClock(startMs), newUid, controllers: false });
  const { revision, collections } = cluster.snapshot();
  const system = collections["/namespaces"]?.find(({ metadata }) => metadata.name === "default");
  if (system === undefined) throw new Error("a new cluster has no namespace default");
  const own = { ...system, metadata: { ...system.metadata, name: "drover-system", uid: newUid() } };
  return { revision, collections: { ...collections, "/namespaces": [...(collections["/namespaces"] ?? []), own] } };
}
