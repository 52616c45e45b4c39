import { DroverError } from "@drover/shared/errors";
import type { Service } from "@drover/shared/service";

import { isCustom } from "../core/health/custom-resource.ts";
import { needsBody } from "../core/health/index.ts";
import type { Kind } from "../core/health/verdict.ts";
import { applicationLabel } from "../core/owner.ts";
import type { ObjectRecord } from "../core/record.ts";
import { list, watchKind, type WatchOptions } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { findExtras } from "./drift.ts";
import { noteLeft, noteSeen, type ObservationOptions } from "./observation.ts";
import { nameOfKind, neededScopes, type Scope } from "./scope.ts";
import { untilWoken } from "./wait.ts";
import { createHandler } from "./watch-handler.ts";

export interface ObserverOptions extends Omit<ObservationOptions, "scalesUnseen" | "addedTo"> {
  readonly context: Omit<Context, "replayEcho">;
  /** See `WatchOptions`. */
  readonly initialEvents: boolean;
}

/** Sees what happens to the objects that applications own. One watch for each kind; no body is kept. */
export interface Observer extends Service {
  /** Watches exactly the kinds that applications own objects of. */
  update(): void;
  /** Lists every watched kind once more, or those that are wanted, which finds what a watch may have missed. */
  relist(signal: AbortSignal, isWanted?: (kind: Kind) => boolean): Promise<void>;
  /** Looks at what the watch told of an object while a write of it was under way. */
  replayEcho(application: string, id: string): void;
}

type Observing = ObserverOptions & ObservationOptions;

const retryMs = 2_000;

interface Watched {
  readonly scope: Scope;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export function createObserver(outside: ObserverOptions): Observer {
  const { context } = outside;
  // Where the replicas of a custom kind are, only its definition says.
  const scalesUnseen = ({ key: { group, kind }, version }: ObjectRecord): boolean =>
    isCustom(group) && context.discovery.known({ group, version, kind })?.scalable === true;
  const addedTo: ObservationOptions["addedTo"] = (application, record, object) =>
    findExtras(context, { application, record }, object);
  const options = { ...outside, scalesUnseen, addedTo };
  let wake = (): void => undefined;
  const watches = createWatches(options, () => wake());
  return {
    name: "observer",
    update: () => wake(),
    relist: watches.relist,
    replayEcho(name, id) {
      const application = context.state.applications.get(name);
      const record = application?.objects.get(id);
      const echo = record?.echo;
      if (application === undefined || record === undefined || echo === undefined) return;
      record.echo = undefined;
      if (echo.left) noteLeft(options, { application, record }, echo.object);
      else noteSeen(options, { application, record }, echo.object);
    },
    async run(signal) {
      let shape = -1;
      const newest = (): number => shapeOf(context) + watches.reach;
      while (!signal.aborted) {
        const wanted = newest();
        const followed = wanted === shape || (await watches.follow(signal));
        if (followed) shape = wanted;
        if (followed && newest() !== shape) continue;
        const waitMs = followed ? Number.POSITIVE_INFINITY : retryMs;
        await untilWoken(context.clock, waitMs, { signal, onWake: (call) => (wake = call) });
      }
      await watches.ended();
    },
  };
}

interface Watches {
  /** Goes up when kinds turn out to be watchable in other scopes than before. */
  readonly reach: number;
  /** Watches what is needed by now. False when the kinds could not all be found out. */
  follow(signal: AbortSignal): Promise<boolean>;
  readonly relist: Observer["relist"];
  ended(): Promise<void>;
}

function createWatches(options: Observing, reached: () => void): Watches {
  const { context } = options;
  const watched = new Map<string, Watched>();
  /** Kinds that may not be watched everywhere; their namespaces are watched one by one. */
  const narrow = new Set<string>();
  let reach = 0;
  const observe = (scope: Scope) => {
    const narrowed = (): void => {
      narrow.add(nameOfKind(scope.resource));
      reach += 1;
      reached();
    };
    const watchOptions = watchOptionsOf(options, scope);
    return { watchOptions, handler: createHandler(options, { scope, watchOptions, narrowed }) };
  };
  return {
    get reach() {
      return reach;
    },
    async follow(signal) {
      const needed = await neededScopes(context, { narrow, signal }).catch((cause: unknown) => {
        context.log.debug({ code: DroverError.from(cause).code }, "kinds to watch are not known");
      });
      if (needed === undefined) return false;
      for (const [name, scope] of needed.scopes) {
        if (watched.has(name)) continue;
        const stop = new AbortController();
        const lifetime = AbortSignal.any([signal, stop.signal]);
        const { watchOptions, handler } = observe(scope);
        watched.set(name, { scope, stop, running: watchKind(watchOptions, handler, lifetime) });
      }
      for (const [name, entry] of watched) {
        if (needed.scopes.has(name) || needed.unknown.has(nameOfKind(entry.scope.resource))) continue;
        entry.stop.abort();
        watched.delete(name);
      }
      return needed.unknown.size === 0;
    },
    async relist(signal, isWanted = () => true) {
      for (const { scope } of watched.values()) {
        if (!isWanted(scope.resource)) continue;
        try {
          const { watchOptions, handler } = observe(scope);
          await list(watchOptions, handler, signal);
        } catch (cause) {
          if (signal.aborted) return;
          context.log.debug({ kind: scope.resource.kind, code: DroverError.from(cause).code }, "relist failed");
        }
      }
      // Rights may have been granted meanwhile.
      if (narrow.size > 0) reach += 1;
      narrow.clear();
      reached();
    },
    async ended() {
      await Promise.allSettled([...watched.values()].map((entry) => entry.running));
    },
  };
}

function watchOptionsOf({ context, initialEvents }: ObserverOptions, { resource, namespace }: Scope): WatchOptions {
  const { kube: api, clock, random } = context;
  return {
    api,
    resource,
    namespace,
    labelSelector: applicationLabel,
    metadataOnly: !needsBody(resource),
    initialEvents,
    clock,
    random,
  };
}

/** Changes when the kinds to watch may have. */
function shapeOf({ state }: ObserverOptions["context"]): number {
  let sum = state.applications.size;
  for (const application of state.applications.values()) sum += application.shape;
  return sum;
}
