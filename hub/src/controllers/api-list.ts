import { done, type Outcome } from "@drover/shared/controller";
import type { Digest } from "@drover/shared/digest";
import { readApiList } from "@drover/shared/kube/api-list";
import type { Random } from "@drover/shared/retry";

import type { Store } from "../store/store.ts";
import type { Inspections } from "./inspections.ts";
import type { World } from "./world.ts";

export interface ApiListDeps {
  readonly store: Store;
  readonly world: World;
  readonly inspections: Pick<Inspections, "ask">;
  readonly random: Random;
  /** Charts may look at what a cluster serves. */
  readonly changed: () => void;
}

/**
 * Makes a list that agents name the one of their clusters, once it is here: any of them is asked for it, and only when it
 * is new to the hub. Until then what was known of the clusters holds.
 */
export function createApiListReconciler(deps: ApiListDeps): (digest: Digest, signal: AbortSignal) => Promise<Outcome> {
  const { store, world, inspections, random, changed } = deps;
  const naming = (digest: Digest): readonly string[] =>
    [...world.connections].flatMap(([cluster, { hello }]) => (hello.apis === digest ? [cluster] : []));
  return async (digest, signal) => {
    if (world.apiLists.find(digest) === undefined) {
      const clusters = naming(digest);
      // One that does not answer is not the only one that is asked again.
      const cluster = clusters[Math.floor(random() * clusters.length)];
      if (cluster === undefined) return done;
      const answer = await inspections.ask({ app: "", cluster }, "apis", signal);
      // It knows another one by now, and says so itself.
      if (world.connections.get(cluster)?.hello.apis !== digest) return done;
      world.apiLists.keep(readApiList(answer, digest));
    }
    const news = naming(digest).filter((cluster) => store.cluster(cluster)?.apis !== digest);
    for (const cluster of news) {
      const { seenAtMs = 0 } = store.cluster(cluster) ?? {};
      store.touchCluster(cluster, { seenAtMs, apis: digest });
    }
    if (news.length > 0) changed();
    return done;
  };
}
