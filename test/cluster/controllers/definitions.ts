import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { definitionsCollection, instancesOf, isEstablished, serveDefinition } from "../crd/definitions.ts";
import { recordAt, recordsAt, textAt } from "../json.ts";
import { remove } from "../resources/delete.ts";
import type { KubeObject } from "../schema/schema.ts";
import { clientFor, mergeConditions, type Condition } from "./client.ts";
import { itself, type Controller } from "./controller.ts";

const cleanup = "customresourcecleanup.apiextensions.k8s.io";

/** How long a new definition takes to be served; a real server needs about as long. */
const establishDelayMs = 20;

const established: readonly Condition[] = [
  { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" },
  {
    type: "Established",
    status: "True",
    reason: "InitialNamesAccepted",
    message: "the initial names have been accepted",
  },
];

/** Establishes CustomResourceDefinitions, and removes their objects before a definition goes. */
export function definitionController(state: ClusterState): Controller {
  const client = clientFor(
    state,
    { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" },
    "kube-apiserver",
  );
  const seen = new Map<string, number>();

  const establish = (definition: KubeObject): void => {
    const names = recordAt(definition, "spec", "names") ?? {};
    const storage = recordsAt(definition, "spec", "versions").find((version) => version["storage"] === true);
    const conditions = mergeConditions(recordsAt(definition, "status", "conditions"), established, {
      now: timestamp(state.clock),
      hasUpdateTime: false,
    });
    const stored = new Set([
      ...asTexts(recordAt(definition, "status")?.["storedVersions"]),
      textAt(storage, "name") ?? "",
    ]);
    const served = client.updateStatus(definition, { conditions, acceptedNames: names, storedVersions: [...stored] });
    const finalizers = served.metadata.finalizers ?? [];
    if (!finalizers.includes(cleanup))
      client.update(served, { ...served, metadata: { ...served.metadata, finalizers: [...finalizers, cleanup] } });
  };
  const terminate = (definition: KubeObject): void => {
    const collection = instancesOf(definition);
    const kind = state.kinds
      .customOf(definition.metadata.name ?? "")
      .find((each) => each.info.version === each.storageVersion);
    for (const object of state.store.collection(collection).list()) {
      if (kind !== undefined) remove(state, kind, object, { propagation: "Background", dryRun: false });
    }
    if (state.store.collection(collection).size > 0) return;
    const finalizers = (definition.metadata.finalizers ?? []).filter((name) => name !== cleanup);
    client.update(definition, { ...definition, metadata: { ...definition.metadata, finalizers } });
  };
  return {
    name: "definitions",
    watches: {
      [definitionsCollection]: itself,
      "*": ({ type }, collection) => (type === "DELETED" ? terminatingDefinition(state, collection) : []),
    },
    reconcile: (name) => {
      const definition = client.get(name);
      serveDefinition(state, name);
      if (definition === undefined) {
        seen.delete(name);
        return undefined;
      }
      if (definition.metadata.deletionTimestamp !== undefined) {
        terminate(definition);
        return undefined;
      }
      const due = seen.get(name) ?? state.clock.now() + (isEstablished(definition) ? 0 : establishDelayMs);
      seen.set(name, due);
      const waitMs = due - state.clock.now();
      if (waitMs > 0) return waitMs;
      establish(definition);
      return undefined;
    },
  };
}

/** The definition of a collection's kind, if it waits for its objects to go. */
function terminatingDefinition(state: ClusterState, collection: string): string[] {
  const name = state.kinds.ofCollection(collection)?.custom?.definition;
  if (name === undefined) return [];
  const definition = state.store.collection(definitionsCollection).get(undefined, name);
  return definition?.metadata.deletionTimestamp === undefined ? [] : [name];
}

function asTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}
