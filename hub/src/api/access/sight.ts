import type * as api from "@drover/shared/api/types";

import type { Backend } from "../backend.ts";
import { parseLabelSelector, type Labels } from "../label-selector.ts";

/** What of the fleet a token shows its holder. What is out of scope is as if it were not there. */
export interface Sight {
  /** Whether a cluster with these labels is in scope. */
  covers(labels: Labels): boolean;
  clusters(): readonly api.Cluster[];
  cluster(name: string): api.Cluster | undefined;
  applications(): readonly api.Application[];
  application(name: string): api.ApplicationDetail | undefined;
  targets(): readonly api.Target[];
  target(app: string, cluster: string): api.TargetDetail | undefined;
  /** Whether an event is about something that is seen. */
  sees(event: Pick<api.Event, "app" | "cluster">): boolean;
}

/** `scope` is a selector of clusters' labels; "" = everything. */
export function sightOf(backend: Backend, scope: string): Sight {
  return scope === "" ? wholeSight(backend) : scopedSight(backend, parseLabelSelector(scope));
}

function wholeSight(backend: Backend): Sight {
  return {
    covers: () => true,
    clusters: () => backend.clusters(),
    cluster: (name) => backend.clusters().find((cluster) => cluster.name === name),
    applications: () => backend.applications(),
    application: (name) => backend.application(name),
    targets: () => backend.targets(),
    target: (app, cluster) => backend.target(app, cluster),
    sees: () => true,
  };
}

function scopedSight(backend: Backend, covers: (labels: Labels) => boolean): Sight {
  const clusters = (): readonly api.Cluster[] => backend.clusters().filter(({ labels }) => covers(labels));
  const cluster = (name: string): api.Cluster | undefined => clusters().find((one) => one.name === name);
  const targets = (): readonly api.Target[] => {
    const names = new Set(clusters().map(({ name }) => name));
    return backend.targets().filter((target) => names.has(target.cluster));
  };
  const runs = (app: string): boolean => targets().some((target) => target.app === app);
  return {
    covers,
    clusters,
    cluster,
    applications() {
      const seen = new Set(targets().map(({ app }) => app));
      return backend.applications().filter(({ name }) => seen.has(name));
    },
    application(name) {
      const detail = runs(name) ? backend.application(name) : undefined;
      return detail === undefined ? undefined : withoutOthers(detail, new Set(clusters().map((one) => one.name)));
    },
    targets,
    target: (app, name) => (cluster(name) === undefined ? undefined : backend.target(app, name)),
    sees(event) {
      if (event.cluster !== "") return cluster(event.cluster) !== undefined;
      return event.app !== "" && runs(event.app);
    },
  };
}

/** Leaves out the clusters that are out of scope. Counts stay, as they are of the application as a whole. */
function withoutOthers(detail: api.ApplicationDetail, seen: ReadonlySet<string>): api.ApplicationDetail {
  const rollouts = detail.rollouts.map((rollout) => ({
    ...rollout,
    failed: rollout.failed.filter((name) => seen.has(name)),
    waiting: rollout.waiting.filter(({ cluster }) => seen.has(cluster)),
  }));
  return { ...detail, rollouts, held: [] };
}
