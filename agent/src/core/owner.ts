import { digestOf } from "@drover/shared/digest";
import { textAt, type JsonRecord } from "@drover/shared/json";

/** On every object that an application owns: what the watches select, and what people read. */
export const applicationLabel = "drover.dev/application";
/** Which agent's application of that name it is: see `ownerId`. */
export const ownerLabel = "drover.dev/owner";

/** An application as the owner of objects. */
export interface Owner {
  readonly application: string;
  readonly id: string;
}

/**
 * A UUID (version 8, from SHA-256) of one application of one agent in one cluster. Derived, never stored: it is the same
 * after the agent's disk or the hub's store was lost, and another one for a copy of the object that was restored into
 * another cluster, and for the application of the same name that another hub's agent keeps in this cluster.
 */
export function ownerId(options: {
  readonly clusterUid: string;
  /** Of the agent's own objects. */
  readonly namespace: string;
  readonly application: string;
}): string {
  const { clusterUid, namespace, application } = options;
  const hex = digestOf(`drover.dev/owner\n${clusterUid}\n${namespace}\n${application}`).slice("sha256:".length);
  const variant = "89ab".charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

export function ownerLabels({ application, id }: Owner): Readonly<Record<string, string>> {
  return { [applicationLabel]: application, [ownerLabel]: id };
}

/**
 * Whether a live object is marked as this owner's. `uid` is that of the object in the inventory: an object that it names
 * and that was applied before there were owner ids lacks one, and is ours all the same.
 */
export function isOwnedBy(live: JsonRecord, owner: Owner, uid: string): boolean {
  const labels = ownersOf(live);
  if (labels.application !== owner.application) return false;
  if (labels.id === "") return uid !== "" && textAt(live, "metadata", "uid") === uid;
  return labels.id === owner.id;
}

/** Whose marks a live object carries; "" for those that it lacks. */
export function ownersOf(live: JsonRecord): Owner {
  return {
    application: textAt(live, "metadata", "labels", applicationLabel) ?? "",
    id: textAt(live, "metadata", "labels", ownerLabel) ?? "",
  };
}
