import { everyCluster, type PlaceableCluster } from "./cluster-selector.ts";
import type { Override } from "./override.ts";
import type { Placement } from "./placement.ts";

/** For tests: an override of every cluster that changes only what is given. */
export function overrideOf(change: Partial<Override>): Override {
  return {
    clusters: everyCluster,
    patches: [],
    images: [],
    replicas: [],
    labels: {},
    annotations: {},
    namespace: undefined,
    helmValues: undefined,
    vars: {},
    at: { file: "shop.yaml", line: 1, column: 3 },
    ...change,
  };
}

/** For tests: a placement of the application `shop` on every cluster, but for what is given. */
export function placementOf(change: Partial<Placement>): Placement {
  return {
    kind: "Placement",
    name: "p",
    repository: "config",
    applications: ["shop"],
    applicationSelector: undefined,
    clusters: everyCluster,
    tolerateCordon: false,
    strategy: "",
    choice: undefined,
    overrides: [],
    at: { file: "a.yaml", line: 1, column: 1 },
    ...change,
  };
}

/** For tests: a cluster that has joined. */
export function clusterOf(name: string, change: Partial<PlaceableCluster> = {}): PlaceableCluster {
  return { name, labels: {}, vars: {}, cordoned: "", ...change };
}
