import { DroverError } from "@drover/shared/errors";
import { textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { Service } from "@drover/shared/service";

import { needsBody } from "../core/health/index.ts";
import type { Kind } from "../core/health/verdict.ts";
import { applicationLabel } from "../core/owner.ts";
import { isOlder, notSeen, setVerdict, type ObjectRecord } from "../core/record.ts";
import { apiVersionOf, type Resource } from "../kube/api.ts";
import { list, watchKind, type WatchHandler, type WatchOptions } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { noteGone, noteLeft, noteSeen, type ObservationOptions } from "./observation.ts";
import type { Place } from "./state.ts";
import { untilWoken } from "./wait.ts";

export interface ObserverOptions extends ObservationOptions {
  readonly context: Omit<Context, "replayEcho">;
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

/** A watch that fails this often in a row no longer tells how its objects are. */
const blindAfter = 4;
const retryMs = 2_000;

interface Watched {
  readonly resource: Resource;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export function createObserver(options: ObserverOptions): Observer {
  const { context } = options;
  const watches = createWatches(options);
  let wake = (): void => undefined;
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
      while (!signal.aborted) {
        const wanted = shapeOf(context);
        const followed = wanted === shape || (await watches.follow(signal));
        if (followed) shape = wanted;
        if (followed && shapeOf(context) !== shape) continue;
        const waitMs = followed ? Number.POSITIVE_INFINITY : retryMs;
        await untilWoken(context.clock, waitMs, { signal, onWake: (call) => (wake = call) });
      }
      await watches.ended();
    },
  };
}

interface Watches {
  /** Watches what is needed by now. False when the kinds could not all be found out. */
  follow(signal: AbortSignal): Promise<boolean>;
  readonly relist: Observer["relist"];
  ended(): Promise<void>;
}

function createWatches(options: ObserverOptions): Watches {
  const { context } = options;
  const watched = new Map<string, Watched>();
  const watchOptions = (resource: Resource): WatchOptions => ({
    api: context.kube,
    resource,
    labelSelector: applicationLabel,
    metadataOnly: !needsBody(resource),
    clock: context.clock,
    random: context.random,
  });
  return {
    async follow(signal) {
      const needed = await neededKinds(context, signal).catch((cause: unknown) => {
        context.log.debug({ code: DroverError.from(cause).code }, "kinds to watch are not known");
      });
      if (needed === undefined) return false;
      for (const [name, resource] of needed) {
        if (watched.has(name)) continue;
        const stop = new AbortController();
        const lifetime = AbortSignal.any([signal, stop.signal]);
        const running = watchKind(watchOptions(resource), createHandler(options, resource), lifetime);
        watched.set(name, { resource, stop, running });
      }
      for (const [name, entry] of watched) {
        if (needed.has(name)) continue;
        entry.stop.abort();
        watched.delete(name);
      }
      return true;
    },
    async relist(signal, isWanted = () => true) {
      for (const { resource } of watched.values()) {
        if (!isWanted(resource)) continue;
        try {
          await list(watchOptions(resource), createHandler(options, resource), signal);
        } catch (cause) {
          if (signal.aborted) return;
          context.log.debug({ kind: resource.kind, code: DroverError.from(cause).code }, "relist failed");
        }
      }
    },
    async ended() {
      await Promise.allSettled([...watched.values()].map((entry) => entry.running));
    },
  };
}

/** Changes when the kinds to watch may have. */
function shapeOf({ state }: ObserverOptions["context"]): number {
  let sum = state.applications.size;
  for (const application of state.applications.values()) sum += application.shape;
  return sum;
}

/** By group, version and kind: of a kind in two versions both are watched, since objects are compared in their own. */
async function neededKinds(
  { state, discovery }: ObserverOptions["context"],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Resource>> {
  const needed = new Map<string, Resource | undefined>();
  for (const application of state.applications.values()) {
    for (const { key, version, uid } of application.objects.values()) {
      if (uid === "") continue;
      const { group, kind } = key;
      const name = `${apiVersionOf({ group, version })} ${kind}`;
      if (!needed.has(name)) needed.set(name, await discovery.find({ group, version, kind }, signal));
    }
  }
  return new Map([...needed].flatMap(([name, resource]) => (resource === undefined ? [] : [[name, resource]])));
}

function createHandler(options: ObserverOptions, resource: Resource): WatchHandler {
  const { context, changed } = options;
  const { state, discovery, log } = context;
  const unseen = new Map<ObjectRecord, Place>();
  let failures = 0;
  const find = (object: JsonRecord): Place | undefined => {
    const place = state.find(keyOf(resource, object), textAt(object, "metadata", "labels", applicationLabel) ?? "");
    return place?.record.version === resource.version ? place : undefined;
  };
  const ours = (): readonly Place[] =>
    [...state.applications.values()].flatMap((application) =>
      [...application.objects.values()]
        .filter(({ key, version }) => {
          return key.kind === resource.kind && key.group === resource.group && version === resource.version;
        })
        .map((record) => ({ application, record })),
    );
  return {
    seen(object) {
      failures = 0;
      const place = find(object);
      if (place === undefined) return;
      unseen.delete(place.record);
      noteSeen(options, place, object);
    },
    left(object) {
      const place = find(object);
      if (place !== undefined) noteLeft(options, place, object);
    },
    listing() {
      unseen.clear();
      for (const place of ours()) if (place.record.uid !== "") unseen.set(place.record, place);
    },
    listed(resourceVersion) {
      failures = 0;
      for (const place of unseen.values()) {
        // What was written after the list was made cannot be in it.
        if (isOlder(place.record.resourceVersion, resourceVersion)) noteGone(options, place);
      }
      unseen.clear();
    },
    interrupted(error: DroverError) {
      failures += 1;
      log.debug({ kind: resource.kind, code: error.code, failures }, "watch interrupted");
      if (error.code === "kind_missing" && failures === 1) {
        discovery.forget(resource.group);
        for (const place of ours()) noteGone(options, place);
      }
      if (failures !== blindAfter) return;
      log.warn({ kind: resource.kind, code: error.code, hint: error.hint }, "kind cannot be watched");
      for (const { application, record } of ours()) {
        setVerdict(record, { ...notSeen, message: error.message });
        changed(application.name);
      }
    },
  };
}

function keyOf({ group, kind }: Resource, object: JsonRecord): ObjectKey {
  const namespace = textAt(object, "metadata", "namespace") ?? "";
  return { group, kind, namespace, name: textAt(object, "metadata", "name") ?? "" };
}
