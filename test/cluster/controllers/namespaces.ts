import type { ClusterState } from "../cluster-state.ts";
import { listAt } from "../json.ts";
import { convert } from "../resources/convert.ts";
import { remove } from "../resources/delete.ts";
import { requireBuiltin } from "../resources/kinds.ts";
import { insert } from "../resources/write.ts";
import { itself, type Controller } from "./controller.ts";

/** Gives each namespace its default service account, and empties one that is being deleted before it goes. */
export function namespaceController(state: ClusterState): Controller {
  const namespaces = state.store.collection("/namespaces");
  const accounts = requireBuiltin("", "v1", "serviceaccounts");
  const namespaceKind = requireBuiltin("", "v1", "namespaces");

  const empty = (name: string): boolean => {
    let left = false;
    for (const collection of state.store.collectionNames()) {
      const kind = state.kinds.ofCollection(collection);
      if (kind?.info.namespaced !== true) continue;
      for (const object of state.store.collection(collection).list(name)) {
        const remaining = remove(state, kind, convert(object, kind), { propagation: "Background", dryRun: false });
        left ||= remaining !== undefined;
      }
    }
    return !left;
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
          manager: "kube-controller-manager",
          dryRun: false,
          tracking: "update",
        } as const;
        if (!exists) insert(state, context, account);
        return undefined;
      }
      if (!empty(name) || listAt(namespace, "metadata", "finalizers").length > 0) return undefined;
      const { collection } = namespaceKind;
      state.store.remove(collection, namespace);
      return undefined;
    },
  };
}
