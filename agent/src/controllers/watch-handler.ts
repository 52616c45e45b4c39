import { DroverError } from "@drover/shared/errors";
import { textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import { applicationLabel } from "../core/owner.ts";
import { isOlder, notSeen, setVerdict, type ObjectRecord } from "../core/record.ts";
import type { Resource } from "../kube/api.ts";
import { getObject } from "../kube/objects.ts";
import { isEmpty, type WatchHandler, type WatchOptions } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { noteGone, noteLeft, noteSeen, type ObservationOptions } from "./observation.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./state.ts";

export interface HandlerOptions extends ObservationOptions {
  readonly context: Pick<Context, "state" | "discovery" | "log">;
}

export interface Observed {
  readonly scope: Scope;
  readonly watchOptions: WatchOptions;
  /** To be called when the kind may not be watched everywhere. */
  readonly narrowed: () => void;
}

/** Brings what a watch tells to the records that it is about. */
export function createHandler(options: HandlerOptions, { scope, watchOptions, narrowed }: Observed): WatchHandler {
  const { context, changed } = options;
  const { state, discovery, log } = context;
  const { resource, namespace } = scope;
  /** Of the objects that we have, those that a list has not shown yet. */
  const unseen = new Map<ObjectRecord, Place>();
  let expected = 0;
  const find = (object: JsonRecord): Place | undefined => {
    const place = state.find(keyOf(resource, object), textAt(object, "metadata", "labels", applicationLabel) ?? "");
    return place?.record.version === resource.version ? place : undefined;
  };
  const ours = (): readonly Place[] => placesIn(state, scope);
  return {
    seen(object) {
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
      expected = unseen.size;
    },
    async listed(resourceVersion, signal) {
      // What was written after the list was made cannot be in it.
      const missing = [...unseen.values()].filter(({ record }) => isOlder(record.resourceVersion, resourceVersion));
      const [first] = missing;
      if (first !== undefined && unseen.size === expected) await confirmEmpty(watchOptions, first.record, signal);
      for (const place of missing) noteGone(options, place);
      unseen.clear();
    },
    async interrupted(error, signal) {
      log.debug({ kind: resource.kind, namespace, code: error.code }, "watch interrupted");
      if (error.code === "forbidden" && namespace === "" && resource.namespaced) narrowed();
      if (error.code !== "kind_missing") return;
      discovery.forget(resource.group);
      const isMissing = await discovery.findAnyVersion(resource, signal).then(
        (found) => found === undefined,
        () => false,
      );
      if (isMissing) for (const place of ours()) noteGone(options, place);
    },
    lost(error) {
      log.warn({ kind: resource.kind, namespace, code: error.code, hint: error.hint }, "kind cannot be watched");
      for (const { application, record } of ours()) {
        setVerdict(record, { ...notSeen, message: error.message });
        changed(application.name);
      }
    },
  };
}

/** Everything that applications have in the scope. */
function placesIn(state: Context["state"], { resource, namespace }: Scope): readonly Place[] {
  return [...state.applications.values()].flatMap((application) =>
    [...application.objects.values()]
      .filter(({ key, version }) => {
        const ofKind = key.kind === resource.kind && key.group === resource.group && version === resource.version;
        return ofKind && (namespace === "" || key.namespace === namespace);
      })
      .map((record) => ({ application, record })),
  );
}

/**
 * An empty list where objects were is suspicious: a second list and one of the objects have to say the same. Throws
 * `api_unreachable` when they do not, or when the server cannot tell.
 */
async function confirmEmpty(options: WatchOptions, { key }: ObjectRecord, signal: AbortSignal): Promise<void> {
  const { api, resource } = options;
  const doubt = (): DroverError =>
    new DroverError("api_unreachable", `the API server listed no ${resource.plural}, and had some when asked again`);
  if (!(await isEmpty(options, signal))) throw doubt();
  const live = await getObject(api, { resource, at: key, metadataOnly: true }, signal);
  if (live.kind === "gone") return;
  const stillOurs =
    live.kind === "refused" || textAt(live.object, "metadata", "labels", applicationLabel) !== undefined;
  if (stillOurs) throw doubt();
}

function keyOf({ group, kind }: Resource, object: JsonRecord): ObjectKey {
  const namespace = textAt(object, "metadata", "namespace") ?? "";
  return { group, kind, namespace, name: textAt(object, "metadata", "name") ?? "" };
}
