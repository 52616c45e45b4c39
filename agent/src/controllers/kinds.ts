import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { Service } from "@drover/shared/service";

import { assess } from "../core/health/index.ts";
import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import type { Resource } from "../kube/api.ts";
import { getObject } from "../kube/objects.ts";
import { watchKind } from "../kube/watch.ts";
import type { Context } from "./context.ts";

const definitions: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

const firstWaitMs = 20;
const longestWaitMs = 200;
const patienceMs = 5_000;

/**
 * Waits until the server serves the kinds that were just defined, so that their objects can follow in the same pass.
 * Gives up after 5 s: the objects then wait for their kind on their own, and the rest goes on.
 */
export async function untilServed(
  context: Context,
  records: readonly ObjectRecord[],
  signal: AbortSignal,
): Promise<void> {
  const deadline = context.clock.now() + patienceMs;
  await Promise.all(records.map((record) => untilOneServed(context, { record, deadline }, signal)));
}

async function untilOneServed(
  context: Context,
  { record, deadline }: { readonly record: ObjectRecord; readonly deadline: number },
  signal: AbortSignal,
): Promise<void> {
  const { kube, discovery, clock } = context;
  const resource = { ...definitions, version: record.version };
  for (let waitMs = firstWaitMs; clock.now() < deadline; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
    const live = await getObject(kube, { resource, at: record.key, metadataOnly: false }, signal);
    if (live.kind !== "found") return;
    record.verdict = assess(record.key, live.object);
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

export interface KindWatch extends Service {
  /** Looks whether any object waits for its kind; the watch runs only then. */
  update(): void;
}

/** Wakes objects that wait for their kind as soon as somebody defines it. */
export function createKindWatch(context: Context, wake: (application: string) => void): KindWatch {
  const { kube, discovery, clock, random, state } = context;
  const waiting = function* (): Generator<readonly [ApplicationRecord, ObjectRecord]> {
    for (const application of state.applications.values()) {
      for (const record of application.objects.values()) {
        if (record.obstacle?.retry === "kind") yield [application, record];
      }
    }
  };
  const seen = (definition: JsonRecord): void => {
    // The name of a definition is its plural, a dot, and its group.
    const name = textAt(definition, "metadata", "name") ?? "";
    const group = name.slice(name.indexOf(".") + 1);
    discovery.forget(group);
    for (const [application, record] of waiting()) {
      if (record.key.group !== group) continue;
      record.attempts = 0;
      record.notBefore = 0;
      wake(application.name);
    }
  };
  let needed = new AbortController();
  let changed = (): void => undefined;
  return {
    name: "kinds",
    update() {
      if (waiting().next().done === true) needed.abort();
      else changed();
    },
    async run(signal) {
      const nothing = (): void => undefined;
      const handler = { seen, left: seen, listing: nothing, listed: nothing, interrupted: nothing };
      const options = { api: kube, resource: definitions, labelSelector: "", metadataOnly: true, clock, random };
      while (!signal.aborted) {
        if (waiting().next().done === true) {
          await new Promise<void>((resolve) => {
            changed = resolve;
            signal.addEventListener("abort", () => resolve(), { once: true });
          });
        }
        needed = new AbortController();
        await watchKind(options, handler, AbortSignal.any([signal, needed.signal]));
      }
    },
  };
}
