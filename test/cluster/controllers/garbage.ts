import type { ClusterState } from "../cluster-state.ts";
import { without } from "../json.ts";
import { convert } from "../resources/convert.ts";
import { remove } from "../resources/delete.ts";
import type { ServedKind } from "../resources/kinds.ts";
import { replace } from "../resources/write.ts";
import type { KubeObject, OwnerReference } from "../schema/schema.ts";
import { keyOfObject } from "../storage/collection.ts";
import { splitKey, type Controller } from "./controller.ts";

const separator = "|";
const foreground = "foregroundDeletion";
const orphan = "orphan";

/**
 * Garbage collection by ownerReferences: what lost all its owners goes; foreground deletion waits for dependents;
 * orphaning takes the references away first.
 */
export function garbageController(state: ClusterState): Controller {
  const index = new DependentIndex();
  const enqueueFor = (object: KubeObject): string[] => index.dependentsOf(object.metadata.uid ?? "");

  return {
    name: "garbage",
    watches: {
      "*": (event, collection) => {
        const { object, previous, type } = event;
        const key = `${collection}${separator}${keyOfObject(object)}`;
        index.forget(key, previous);
        if (type !== "DELETED") index.remember(key, object);
        const concerned = type === "DELETED" ? [...enqueueFor(object), ...ownerKeys(state, object)] : [];
        return isConcerned(object) && type !== "DELETED" ? [...concerned, key] : concerned;
      },
    },
    reconcile: (key) => {
      const [collection = "", objectKey = ""] = key.split(separator);
      const kind = state.kinds.ofCollection(collection);
      const { namespace, name } = splitKey(objectKey);
      const stored = state.store.collection(collection).get(namespace, name);
      if (kind === undefined || stored === undefined) return undefined;
      const object = convert(stored, kind);
      const finalizers = object.metadata.finalizers ?? [];
      if (object.metadata.deletionTimestamp === undefined) collect(state, kind, object);
      else if (finalizers.includes(orphan)) orphanDependents(state, { kind, object, dependents: enqueueFor(object) });
      else if (finalizers.includes(foreground))
        deleteDependents(state, { kind, object, dependents: enqueueFor(object) });
      return undefined;
    },
  };
}

function isConcerned({ metadata }: KubeObject): boolean {
  const finalizers = metadata.finalizers ?? [];
  return (
    (metadata.ownerReferences ?? []).length > 0 ||
    (metadata.deletionTimestamp !== undefined && (finalizers.includes(foreground) || finalizers.includes(orphan)))
  );
}

/** Which objects name which owner, by uid. Holds entries only for objects that have owners. */
class DependentIndex {
  readonly #byOwner = new Map<string, Set<string>>();

  dependentsOf(uid: string): string[] {
    return [...(this.#byOwner.get(uid) ?? [])];
  }

  remember(key: string, object: KubeObject): void {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const known = this.#byOwner.get(uid);
      if (known === undefined) this.#byOwner.set(uid, new Set([key]));
      else known.add(key);
    }
  }

  forget(key: string, object: KubeObject | undefined): void {
    for (const { uid } of object?.metadata.ownerReferences ?? []) {
      const known = this.#byOwner.get(uid);
      known?.delete(key);
      if (known?.size === 0) this.#byOwner.delete(uid);
    }
  }
}

function locate(
  state: ClusterState,
  object: KubeObject,
  owner: OwnerReference,
): { key: string; found: KubeObject | undefined } | undefined {
  const kind = state.kinds.ofObject(owner);
  if (kind === undefined) return undefined;
  const namespace = kind.info.namespaced ? object.metadata.namespace : undefined;
  const found = state.store.collection(kind.collection).get(namespace, owner.name);
  const key = `${kind.collection}${separator}${namespace === undefined ? "" : `${namespace}/`}${owner.name}`;
  return { key, found: found?.metadata.uid === owner.uid ? found : undefined };
}

/** Owners that wait in the foreground for this object. */
function ownerKeys(state: ClusterState, object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? []).flatMap((owner) => {
    const place = locate(state, object, owner);
    return place?.found?.metadata.deletionTimestamp === undefined ? [] : [place.key];
  });
}

function collect(state: ClusterState, kind: ServedKind, object: KubeObject): void {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0) return;
  // An owner of a kind that is not served may come back with its definition; nothing is concluded from it.
  const alive = owners.filter((owner) => {
    const place = locate(state, object, owner);
    return place === undefined || place.found !== undefined;
  });
  if (alive.length === owners.length) return;
  if (alive.length === 0)
    remove(state, kind, object, { propagation: "Background", dryRun: false, uid: object.metadata.uid });
  else setOwners(state, kind, object, alive);
}

type Deletion = { readonly kind: ServedKind; readonly object: KubeObject; readonly dependents: readonly string[] };

function deleteDependents(state: ClusterState, { kind, object, dependents }: Deletion): void {
  const blocking = dependents.filter((key) => {
    const dependent = findByKey(state, key);
    if (dependent === undefined) return false;
    if (dependent.object.metadata.deletionTimestamp === undefined) {
      remove(state, dependent.kind, dependent.object, { propagation: "Foreground", dryRun: false });
    }
    const blocks = (dependent.object.metadata.ownerReferences ?? []).some(
      (owner) => owner.uid === object.metadata.uid && owner.blockOwnerDeletion === true,
    );
    return blocks && findByKey(state, key) !== undefined;
  });
  if (blocking.length === 0) dropFinalizer(state, kind, object, foreground);
}

function orphanDependents(state: ClusterState, { kind, object, dependents }: Deletion): void {
  for (const key of dependents) {
    const dependent = findByKey(state, key);
    if (dependent === undefined) continue;
    const owners = (dependent.object.metadata.ownerReferences ?? []).filter(
      (owner) => owner.uid !== object.metadata.uid,
    );
    setOwners(state, dependent.kind, dependent.object, owners);
  }
  dropFinalizer(state, kind, object, orphan);
}

function findByKey(state: ClusterState, key: string): { kind: ServedKind; object: KubeObject } | undefined {
  const [collection = "", objectKey = ""] = key.split(separator);
  const kind = state.kinds.ofCollection(collection);
  const { namespace, name } = splitKey(objectKey);
  const object = state.store.collection(collection).get(namespace, name);
  return kind === undefined || object === undefined ? undefined : { kind, object: convert(object, kind) };
}

function dropFinalizer(state: ClusterState, kind: ServedKind, object: KubeObject, finalizer: string): void {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  write(state, kind, object, {
    ...without(object.metadata, "finalizers"),
    ...(finalizers.length > 0 ? { finalizers } : {}),
  });
}

function setOwners(state: ClusterState, kind: ServedKind, object: KubeObject, owners: OwnerReference[]): void {
  write(state, kind, object, {
    ...without(object.metadata, "ownerReferences"),
    ...(owners.length > 0 ? { ownerReferences: owners } : {}),
  });
}

function write(state: ClusterState, kind: ServedKind, live: KubeObject, metadata: KubeObject["metadata"]): void {
  const context = { kind, manager: "kube-controller-manager", dryRun: false, tracking: "update" } as const;
  replace(state, context, { live, candidate: { ...live, metadata } });
}
