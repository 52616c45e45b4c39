import type { Clock } from "@drover/shared/clock";
import { createController, type Controller, type ControllerOptions } from "@drover/shared/controller";
import type { Digest } from "@drover/shared/digest";
import type { HubLink, SignedAssignments } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import type { Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import { createApiListReconciler } from "./controllers/api-list.ts";
import { createApplicationReconciler, type ApplicationDeps } from "./controllers/application.ts";
import type { Beats } from "./controllers/beats.ts";
import { createClusterReconciler } from "./controllers/cluster.ts";
import type { EventLog } from "./controllers/event-log.ts";
import type { Inspections } from "./controllers/inspections.ts";
import type { News } from "./controllers/news.ts";
import { createPackageReconciler } from "./controllers/package.ts";
import type { Quarantine } from "./controllers/quarantine.ts";
import { createRenderer, type RenderPrograms } from "./controllers/renderer.ts";
import { createRepositoryReconciler } from "./controllers/repository.ts";
import { createFactsReconciler } from "./controllers/settled-facts.ts";
import type { World } from "./controllers/world.ts";
import { applicationKey, sourceKey } from "./core/attempts.ts";
import { packageKey } from "./core/package.ts";
import type { Mirror } from "./source/git/mirror.ts";
import { createPoller, type Poller } from "./source/poller.ts";
import type { Packages } from "./source/published/packages.ts";
import type { Store } from "./store/store.ts";

export interface LoopParts {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  readonly inspections: Inspections;
  readonly mirror: Mirror;
  readonly packages: Packages;
  readonly quarantine: Quarantine;
  readonly link: Pick<HubLink, "send">;
  readonly sign: (payload: Uint8Array) => SignedAssignments;
  readonly beats: Pick<Beats, "send">;
  readonly news: News;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly programs: RenderPrograms;
}

export interface Loop {
  readonly services: readonly Service[];
  readonly controllers: readonly Controller[];
  /** Asks for a look at what an intent or a message may have changed. */
  readonly wake: {
    /** The set of sources changed. */
    readonly sources: () => void;
    readonly source: (name: string) => void;
    /** All of them, however long they would wait after what has failed. */
    readonly allSources: () => void;
    /** The same, because a person asks: what was put aside is tried once more. */
    readonly again: (name: string) => void;
    /** A webhook says that a source may have news. */
    readonly webhook: (name: string) => void;
    /** What is read with a credential is to be looked at with the one that there is now. */
    readonly credential: (name: string) => void;
    /** Placements are to be looked at again. */
    readonly applications: () => void;
    readonly clusters: (names: Iterable<string>) => void;
    /** An agent says something else of its cluster than before. */
    readonly facts: () => void;
    /** Rollouts of these applications may go on. */
    readonly rollouts: (apps: Iterable<string>) => void;
    /** An agent names this list of APIs. */
    readonly apiList: (digest: Digest) => void;
  };
}

/** The path of one change: poller → repository → application → cluster, each a controller that wakes the next. */
export function createLoop(parts: LoopParts): Loop {
  const { store, world, clock, random, log } = parts;
  const controller = (options: Pick<ControllerOptions, "name" | "reconcile" | "concurrency">): Controller =>
    createController({ ...options, clock, random, log });
  const clusters = controller({ name: "cluster", concurrency: 4, reconcile: createClusterReconciler(parts) });
  const applications = createApplicationController(parts, {
    changed: enqueueAll(clusters),
    wanted: () => packages.watch(),
  });
  const wakeApplications = (): void =>
    enqueueAll(applications)([...world.catalogs.applicationNames(), ...store.applications()]);
  const settle = createFactsReconciler({ store, clock, changed: wakeApplications });
  const facts = controller({ name: "facts", concurrency: 1, reconcile: settle });
  const wakeFacts = (): void => facts.enqueue("all clusters");
  wakeFacts();
  const packages = createPackageParts(parts, applications);
  const poller = createPoller({ clock, random, onDue: (name) => repositories.enqueue(name) });
  const repositories = controller({
    name: "repository",
    concurrency: 4,
    reconcile: createRepositoryReconciler({
      ...parts,
      settled: (name, ok) => poller.fetched(name, ok),
      changed: (names) => {
        packages.watch();
        enqueueAll(applications)(names);
      },
      sourcesChanged: (names) => {
        if (names.length === 0) return;
        watchSources();
        for (const name of names) wakeSource(name);
      },
    }),
  });
  const watchSources = (): void =>
    poller.watch(
      store.sources().map(({ name, url, intervalSeconds }) => ({ name, url, intervalMs: intervalSeconds * 1000 })),
    );
  // A source that is gone has no poll any more; its reconcile forgets what was read of it.
  const wakeSource = (name: string): void =>
    store.source(name) === undefined ? repositories.enqueue(name) : poller.hint(name);
  const apiLists = createApiListController(parts, wakeApplications);
  watchSources();
  return {
    services: [poller, repositories, packages.poller, packages.controller, applications, clusters, facts, apiLists],
    controllers: [repositories, packages.controller, applications, clusters, facts, apiLists],
    wake: {
      sources: watchSources,
      source: wakeSource,
      allSources: () => store.sources().forEach(({ name }) => wakeSource(name)),
      again: (name) => enqueueAll(applications)(retry(parts, name, wakeSource)),
      webhook: (name) => poller.webhook(name),
      credential: (name) => wakeUsersOf(name, { parts, packages, wakeSource }),
      applications: wakeApplications,
      clusters: enqueueAll(clusters),
      facts: wakeFacts,
      rollouts: enqueueAll(applications),
      apiList: (digest) => apiLists.enqueue(digest),
    },
  };
}

/** Lets a source out of quarantine, and the applications that it declares; returns the names of those that were in it. */
function retry(parts: LoopParts, source: string, wake: (source: string) => void): readonly string[] {
  const { quarantine, world } = parts;
  const { catalogs } = world;
  quarantine.retry(sourceKey(source));
  wake(source);
  return catalogs
    .applicationNames()
    .filter((app) => catalogs.applications(app)[0]?.repository === source && quarantine.retry(applicationKey(app)));
}

/** Looks again at what is fetched with a credential. */
function wakeUsersOf(
  credential: string,
  to: { readonly parts: LoopParts; readonly packages: PackageParts; readonly wakeSource: (name: string) => void },
): void {
  const { store, world } = to.parts;
  for (const source of store.sources()) if (source.credential === credential) to.wakeSource(source.name);
  for (const [, ref] of world.packageRefs())
    if (ref.credential === credential) to.packages.poller.hint(packageKey(ref));
}

function createApplicationController(parts: LoopParts, asks: Pick<ApplicationDeps, "changed" | "wanted">): Controller {
  const { clock, random, log, programs } = parts;
  const renderer = createRenderer(programs);
  const reconcile = createApplicationReconciler({ ...parts, ...asks, helm: programs.helm, renderer });
  return createController({ name: "application", concurrency: 2, reconcile, clock, random, log });
}

function createApiListController(parts: LoopParts, changed: () => void): Controller {
  const { clock, random, log } = parts;
  const reconcile = createApiListReconciler({ ...parts, changed });
  return createController({ name: "api-list", concurrency: 4, reconcile, clock, random, log });
}

interface PackageParts {
  readonly poller: Poller;
  readonly controller: Controller;
  /** Looks at what applications name now, and at nothing else any more. */
  readonly watch: () => void;
}

/** What is published outside of Git is polled as repositories are, each reference once. */
function createPackageParts(parts: LoopParts, applications: Controller): PackageParts {
  const { world, clock, random, log } = parts;
  const poller = createPoller({ clock, random, onDue: (key) => controller.enqueue(key) });
  const reconcile = createPackageReconciler({
    ...parts,
    settled: (key, ok) => poller.fetched(key, ok),
    changed: enqueueAll(applications),
  });
  const controller = createController({ name: "package", concurrency: 4, reconcile, clock, random, log });
  const watch = (): void => {
    const intervals = new Map<string, number>();
    for (const [, ref] of world.packageRefs()) {
      const key = packageKey(ref);
      intervals.set(key, Math.min(ref.intervalMs, intervals.get(key) ?? ref.intervalMs));
    }
    // Nobody asks for those any more: the next look forgets them.
    for (const key of world.packages.keys()) if (!intervals.has(key)) controller.enqueue(key);
    // Nothing of theirs is on this machine, where a change could be seen at once.
    poller.watch([...intervals].map(([name, intervalMs]) => ({ name, url: "", intervalMs })));
  };
  return { poller, controller, watch };
}

function enqueueAll(target: Controller): (keys: Iterable<string>) => void {
  return (keys) => {
    for (const key of keys) target.enqueue(key);
  };
}
