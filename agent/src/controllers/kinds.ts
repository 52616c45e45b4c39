import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import { isCustom } from "../core/health/custom-resource.ts";
import { assess } from "../core/health/index.ts";
import { setVerdict, type ObjectRecord } from "../core/record.ts";
import type { Resource } from "../kube/api.ts";
import { getObject } from "../kube/objects.ts";
import { watchKind } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { createOnDemand, type OnDemand } from "./on-demand.ts";
import { heldBack, type Place } from "./state.ts";
import { untilWoken } from "./wait.ts";

export const kindDefinitions: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

/** What is known of kinds, and of the definitions that applications have. */
export interface Kinds {
  readonly discovery: Pick<Context["discovery"], "known">;
  readonly state: Pick<Context["state"], "applications">;
}

/**
 * Whether the object's kind is defined here, and the definition is being deleted. A server takes an object of it all the
 * same, and then the deletion has to begin anew (case 41).
 */
export function isKindLeaving({ discovery, state }: Kinds, { key: { group, kind }, version }: ObjectRecord): boolean {
  const resource = isCustom(group) ? discovery.known({ group, version, kind }) : undefined;
  if (resource === undefined) return false;
  const name = `${resource.plural}.${group}`;
  const definition = formatObjectKey({ group: kindDefinitions.group, kind: kindDefinitions.kind, namespace: "", name });
  for (const { objects } of state.applications.values()) {
    if (objects.get(definition)?.verdict.health === "Terminating") return true;
  }
  return false;
}

const firstWaitMs = 20;
const longestWaitMs = 200;
const patienceMs = 5_000;

/**
 * Waits until the server serves the kind that was just defined, so that its objects can follow at once. Gives up after
 * 5 s, or when the server cannot be asked: the objects then wait for their kind on their own.
 */
export async function untilServed(context: Context, record: ObjectRecord, signal: AbortSignal): Promise<void> {
  const deadline = context.clock.now() + patienceMs;
  await untilOneServed(context, { record, deadline }, signal).catch(() => undefined);
}

async function untilOneServed(
  context: Context,
  { record, deadline }: { readonly record: ObjectRecord; readonly deadline: number },
  signal: AbortSignal,
): Promise<void> {
  const { kube, discovery, clock } = context;
  const resource = { ...kindDefinitions, version: record.version };
  for (let waitMs = firstWaitMs; clock.now() < deadline; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
    const live = await getObject(kube, { resource, at: record.key, metadataOnly: false }, signal);
    if (live.kind !== "found") return;
    setVerdict(record, assess(record.key, live.object));
    if (record.verdict.health === "Current") {
      const group = textAt(live.object, "spec", "group") ?? "";
      const kind = textAt(live.object, "spec", "names", "kind") ?? "";
      const version = servedVersion(live.object);
      discovery.forget(group);
      if (version === "" || (await discovery.find({ group, version, kind }, signal)) !== undefined) return;
    }
    if (record.verdict.health === "Failed") return;
    await clock.sleep(waitMs, signal);
  }
}

function servedVersion(definition: JsonRecord): string {
  const served = recordsAt(definition, "spec", "versions").find((version) => version["served"] === true);
  return textAt(served, "name") ?? "";
}

/** Wakes objects that wait for their kind as soon as somebody defines it. */
export function createKindWatch(context: Context, wake: (application: string) => void): OnDemand {
  const { kube, clock, random } = context;
  /** Groups in which a kind was defined or changed lately. */
  const moved = new Set<string>();
  let defined = (): void => undefined;
  const seen = (definition: JsonRecord): void => {
    // The name of a definition is its plural, a dot, and its group.
    const name = textAt(definition, "metadata", "name") ?? "";
    moved.add(name.slice(name.indexOf(".") + 1));
    defined();
  };
  const nothing = (): void => undefined;
  const handler = { seen, left: nothing, listing: nothing, listed: nothing, interrupted: nothing, lost: nothing };
  const options = { api: kube, resource: kindDefinitions, labelSelector: "", metadataOnly: true, clock, random };
  return createOnDemand({
    name: "kinds",
    clock,
    isNeeded: () => waiting(context).next().done !== true,
    async work(signal) {
      const watching = watchKind(options, handler, signal);
      while (!signal.aborted) {
        await untilWoken(clock, Number.POSITIVE_INFINITY, { signal, onWake: (call) => (defined = call) });
        await wakeServed(context, { moved, wake }, signal);
      }
      await watching;
    },
  });
}

function waiting({ state }: Context): Generator<Place> {
  return heldBack(state, ({ retry }) => retry === "kind");
}

/** A definition is there a moment before its kind is served, so this asks until it is, for a few seconds. */
async function wakeServed(
  context: Context,
  { moved, wake }: { readonly moved: Set<string>; readonly wake: (application: string) => void },
  signal: AbortSignal,
): Promise<void> {
  const deadline = context.clock.now() + patienceMs;
  for (let waitMs = firstWaitMs; moved.size > 0 && !signal.aborted; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
    for (const group of moved) context.discovery.forget(group);
    const unserved = new Set<string>();
    for (const { application, record } of waiting(context)) {
      const { group, kind } = record.key;
      if (!moved.has(group)) continue;
      const found = await context.discovery
        .find({ group, version: record.version, kind }, signal)
        .catch(() => undefined);
      if (found === undefined) unserved.add(group);
      else {
        record.notBefore = 0;
        wake(application.name);
      }
    }
    for (const group of moved) if (!unserved.has(group)) moved.delete(group);
    if (context.clock.now() > deadline) moved.clear();
    else if (moved.size > 0) await context.clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
