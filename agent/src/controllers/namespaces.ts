import { textAt, type JsonRecord } from "@drover/shared/json";

import { namespaces } from "../kube/config-maps.ts";
import { watchKind } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { createOnDemand, type OnDemand } from "./on-demand.ts";
import { heldBack, type Place } from "./state.ts";

/** Wakes objects that wait for their namespace as soon as it comes, or has gone and can be made anew (case 39). */
export function createNamespaceWatch(context: Context, wake: (application: string) => void): OnDemand {
  const { kube, clock, random } = context;
  const retry = (namespace: JsonRecord): void => {
    const name = textAt(namespace, "metadata", "name") ?? "";
    for (const { application, record } of waiting(context)) {
      if (record.key.namespace !== name) continue;
      record.notBefore = 0;
      wake(application.name);
    }
  };
  const seen = (namespace: JsonRecord): void => {
    if (textAt(namespace, "metadata", "deletionTimestamp") === undefined) retry(namespace);
  };
  const nothing = (): void => undefined;
  const handler = { seen, left: retry, listing: nothing, listed: nothing, interrupted: nothing, lost: nothing };
  const options = { api: kube, resource: namespaces, labelSelector: "", metadataOnly: true, clock, random };
  return createOnDemand({
    name: "namespaces",
    clock,
    isNeeded: () => waiting(context).next().done !== true,
    work: (signal) => watchKind(options, handler, signal),
  });
}

const reasons: ReadonlySet<string> = new Set(["NamespaceTerminating", "WaitingForNamespace"]);

function waiting({ state }: Context): Generator<Place> {
  return heldBack(state, ({ reason }) => reasons.has(reason));
}
