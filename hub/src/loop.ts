import type { Clock } from "@drover/shared/clock";
import { createController, type Controller, type ControllerOptions } from "@drover/shared/controller";
import type { Assignments, HubLink, SignedAssignments } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import type { Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import { createApplicationReconciler } from "./controllers/application.ts";
import { createClusterReconciler } from "./controllers/cluster.ts";
import type { EventLog } from "./controllers/event-log.ts";
import { createRenderer } from "./controllers/renderer.ts";
import { createRepositoryReconciler } from "./controllers/repository.ts";
import type { World } from "./controllers/world.ts";
import { createHelm } from "./source/helm.ts";
import { createKustomize } from "./source/kustomize.ts";
import type { Mirror } from "./source/mirror.ts";
import { createPoller } from "./source/poller.ts";
import type { Store } from "./store/store.ts";

export interface LoopParts {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  readonly mirror: Mirror;
  readonly link: Pick<HubLink, "send">;
  readonly sign: (assignments: Assignments) => SignedAssignments;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Loop {
  readonly services: readonly Service[];
  readonly controllers: readonly Controller[];
  /** Asks for a look at what an intent or a message may have changed. */
  readonly wake: {
    /** The set of sources changed. */
    readonly sources: () => void;
    readonly source: (name: string) => void;
    /** A webhook says that a source may have news. */
    readonly webhook: (name: string) => void;
    /** Placements are to be looked at again. */
    readonly applications: () => void;
    readonly clusters: (names: Iterable<string>) => void;
  };
}

/** The path of one change: poller → repository → application → cluster, each a controller that wakes the next. */
export function createLoop(parts: LoopParts): Loop {
  const { store, world, clock, random, log } = parts;
  const controller = (options: Pick<ControllerOptions, "name" | "reconcile" | "concurrency">): Controller =>
    createController({ ...options, clock, random, log });
  const clusters = controller({ name: "cluster", concurrency: 4, reconcile: createClusterReconciler(parts) });
  const { environment } = parts;
  const renderer = createRenderer({ kustomize: createKustomize({ environment }), helm: createHelm({ environment }) });
  const applications = controller({
    name: "application",
    concurrency: 2,
    reconcile: createApplicationReconciler({ ...parts, renderer, changed: enqueueAll(clusters) }),
  });
  const poller = createPoller({ clock, random, onDue: (name) => repositories.enqueue(name) });
  const repositories = controller({
    name: "repository",
    concurrency: 4,
    reconcile: createRepositoryReconciler({
      ...parts,
      settled: (name, ok) => poller.fetched(name, ok),
      changed: enqueueAll(applications),
    }),
  });
  const watchSources = (): void =>
    poller.watch(
      store.sources().map(({ name, url, intervalSeconds }) => ({ name, url, intervalMs: intervalSeconds * 1000 })),
    );
  watchSources();
  return {
    services: [poller, repositories, applications, clusters],
    controllers: [repositories, applications, clusters],
    wake: {
      sources: watchSources,
      // A source that is gone has no poll any more; its reconcile forgets what was read of it.
      source: (name) => (store.source(name) === undefined ? repositories.enqueue(name) : poller.hint(name)),
      webhook: (name) => poller.webhook(name),
      applications: () => enqueueAll(applications)([...world.catalogs.applicationNames(), ...store.applications()]),
      clusters: enqueueAll(clusters),
    },
  };
}

function enqueueAll(target: Controller): (keys: Iterable<string>) => void {
  return (keys) => {
    for (const key of keys) target.enqueue(key);
  };
}
