import { timestamp } from "../clock.ts";
import type { ClusterState } from "../cluster-state.ts";
import { recordAt, recordsAt } from "../json.ts";
import { convert } from "../resources/convert.ts";
import { remove } from "../resources/delete.ts";
import { requireBuiltin, type ServedKind } from "../resources/kinds.ts";
import { insert, replace } from "../resources/write.ts";
import type { KubeObject } from "../schema/schema.ts";
import { mergeConditions, type Condition } from "./client.ts";
import { itself, type Controller } from "./controller.ts";

const manager = "kube-controller-manager";

/** Objects of a terminating namespace that something still holds. */
type Remaining = { readonly kind: ServedKind; readonly objects: readonly KubeObject[] };

/** Gives each namespace its default service account, and empties one that is being deleted before it goes. */
export function namespaceController(state: ClusterState): Controller {
  const namespaces = state.store.collection("/namespaces");
  const accounts = requireBuiltin("", "v1", "serviceaccounts");
  const namespaceKind = requireBuiltin("", "v1", "namespaces");

  const empty = (name: string): Remaining[] =>
    state.store.collectionNames().flatMap((collection) => {
      const kind = state.kinds.ofCollection(collection);
      if (kind?.info.namespaced !== true) return [];
      const left = state.store
        .collection(collection)
        .list(name)
        .flatMap(
          (object) => remove(state, kind, convert(object, kind), { propagation: "Background", dryRun: false }) ?? [],
        );
      return left.length > 0 ? [{ kind, objects: left }] : [];
    });
  const report = (namespace: KubeObject, remaining: readonly Remaining[]): void => {
    const former = recordsAt(namespace, "status", "conditions");
    const conditions = mergeConditions(former, conditionsOf(remaining), {
      now: timestamp(state.clock),
      hasUpdateTime: false,
    });
    const context = { kind: namespaceKind, manager, dryRun: false, tracking: "update", subresource: "status" } as const;
    const status = { ...recordAt(namespace, "status"), conditions };
    replace(state, context, { live: namespace, candidate: { ...namespace, status } });
  };
  return {
    name: "namespaces",
    watches: {
      "/namespaces": itself,
      // The last object of a terminating namespace may go long after the rest: a finalizer held it.
      "*": ({ type, object }) => {
        const { namespace } = object.metadata;
        if (type !== "DELETED" || namespace === undefined) return [];
        return namespaces.get(undefined, namespace)?.metadata.deletionTimestamp === undefined ? [] : [namespace];
      },
    },
    reconcile: (name) => {
      const namespace = namespaces.get(undefined, name);
      if (namespace === undefined) return undefined;
      if (namespace.metadata.deletionTimestamp === undefined) {
        const exists = state.store.collection(accounts.collection).get(name, "default") !== undefined;
        const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: name } };
        const context = {
          kind: accounts,
          manager,
          dryRun: false,
          tracking: "update",
        } as const;
        if (!exists) insert(state, context, account);
        return undefined;
      }
      const remaining = empty(name);
      if (remaining.length > 0) report(namespace, remaining);
      else if ((namespace.metadata.finalizers ?? []).length === 0)
        state.store.remove(namespaceKind.collection, namespace);
      return undefined;
    },
  };
}

function conditionsOf(remaining: readonly Remaining[]): Condition[] {
  const instances = remaining.map(
    ({ kind, objects }) => `${kind.info.plural}.${kind.info.group} has ${objects.length} resource instances`,
  );
  const counts = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const finalizer of object.metadata.finalizers ?? []) counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  }
  const held = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  return [
    {
      type: "NamespaceDeletionDiscoveryFailure",
      status: "False",
      reason: "ResourcesDiscovered",
      message: "All resources successfully discovered",
    },
    {
      type: "NamespaceDeletionGroupVersionParsingFailure",
      status: "False",
      reason: "ParsedGroupVersions",
      message: "All legacy kube types successfully parsed",
    },
    {
      type: "NamespaceDeletionContentFailure",
      status: "False",
      reason: "ContentDeleted",
      message: "All content successfully deleted, may be waiting on finalization",
    },
    {
      type: "NamespaceContentRemaining",
      status: "True",
      reason: "SomeResourcesRemain",
      message: `Some resources are remaining: ${instances.join(", ")}`,
    },
    held.length > 0
      ? {
          type: "NamespaceFinalizersRemaining",
          status: "True",
          reason: "SomeFinalizersRemain",
          message: `Some content in the namespace has finalizers remaining: ${held.join(", ")}`,
        }
      : {
          type: "NamespaceFinalizersRemaining",
          status: "False",
          reason: "ContentHasNoFinalizers",
          message: "All content-preserving finalizers finished",
        },
  ];
}
