import { textAt, type JsonRecord } from "@drover/shared/json";

import { isOwnedBy, type Owner } from "./owner.ts";
import type { ObjectRecord } from "./record.ts";

/** What may be done about a live object that the application no longer wants. */
export type PruneVerdict =
  | { readonly kind: "delete"; readonly uid: string }
  /** Somebody has deleted it already; something holds it back. */
  | { readonly kind: "wait" }
  /** It is not the object that we applied, or not ours any more: it is left alone and forgotten. */
  | { readonly kind: "release"; readonly reason: string };

export function judgePrune(record: ObjectRecord, live: JsonRecord, owner: Owner): PruneVerdict {
  const uid = textAt(live, "metadata", "uid") ?? "";
  if (record.uid !== "" && record.uid !== uid) return { kind: "release", reason: "somebody made it anew" };
  if (!isOwnedBy(live, owner, record.uid)) {
    return { kind: "release", reason: "it does not carry the application's labels any more" };
  }
  if (textAt(live, "metadata", "deletionTimestamp") !== undefined) return { kind: "wait" };
  return { kind: "delete", uid };
}

/** Why an object that left the bundle stays in the cluster; "" when it is to go. */
export function abandonReason(record: ObjectRecord, { prune }: { readonly prune: boolean }): string {
  if (!prune) return "PruneDisabled";
  // Deleting a namespace deletes everything in it, so one that was there before us is never ours to delete.
  const isNamespace = record.key.group === "" && record.key.kind === "Namespace";
  return isNamespace && !record.created ? "NamespaceNotCreated" : "";
}
