import type { AcceptedTarget, Content, Invariant, ObjectName, TimedFact } from "../facts.ts";

/** A watch that broke is opened again with back-off, and a request that failed is tried again within a minute and a half. */
const boundMs = 120_000;

interface Cluster {
  targets: ReadonlyMap<string, AcceptedTarget>;
  /** Bundles that were applied once, by application: what is to be healed. */
  readonly applied: Map<string, string>;
  readonly live: Map<ObjectName, Content>;
  readonly astraySince: Map<ObjectName, number>;
  isUp: boolean;
  isApiWell: boolean;
}

/** R6: an agent that lives and reaches its API server heals what it has applied, whether it reaches the hub or not. */
export function driftIsHealed(): Invariant {
  const clusters = new Map<string, Cluster>();
  const clusterOf = (name: string): Cluster => {
    const known = clusters.get(name);
    if (known !== undefined) return known;
    const { live, applied, astraySince } = { live: new Map(), applied: new Map(), astraySince: new Map() };
    const made: Cluster = { targets: new Map(), applied, live, astraySince, isUp: false, isApiWell: true };
    clusters.set(name, made);
    return made;
  };
  const astray = (cluster: Cluster, now: number): string | undefined => {
    const wanted = [...cluster.targets].filter(([app, { bundle }]) => cluster.applied.get(app) === bundle);
    const still = new Set<ObjectName>();
    for (const [app, { objects }] of wanted) {
      for (const [object, content] of objects) {
        if (cluster.live.get(object) === content) continue;
        still.add(object);
        const since = cluster.astraySince.get(object) ?? now;
        cluster.astraySince.set(object, since);
        if (cluster.isUp && cluster.isApiWell && now - since > boundMs) return `${object} of ${app}`;
      }
    }
    for (const object of cluster.astraySince.keys()) if (!still.has(object)) cluster.astraySince.delete(object);
    return undefined;
  };
  const check = (fact: TimedFact): string | undefined => {
    if (!("cluster" in fact)) return undefined;
    const cluster = clusterOf(fact.cluster);
    learn(cluster, fact);
    const object = astray(cluster, fact.at);
    return object === undefined ? undefined : `${object} in ${fact.cluster} was not healed within ${boundMs / 1000} s`;
  };
  return { name: "R6", check };
}

function learn(cluster: Cluster, fact: TimedFact): void {
  switch (fact.kind) {
    case "accepted":
      cluster.targets = fact.targets;
      break;
    case "reported-applied":
      cluster.applied.set(fact.app, fact.bundle);
      break;
    case "live":
      if (fact.content === undefined) cluster.live.delete(fact.object);
      else cluster.live.set(fact.object, fact.content);
      break;
    case "disk-lost":
      cluster.targets = new Map();
      cluster.applied.clear();
      break;
    case "agent-started":
    case "agent-killed":
      cluster.isUp = fact.kind === "agent-started";
      cluster.astraySince.clear();
      break;
    case "api":
      cluster.isApiWell = fact.isWell;
      cluster.astraySince.clear();
      break;
    default:
  }
}
