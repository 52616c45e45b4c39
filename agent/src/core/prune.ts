import { listAt, textAt, type JsonRecord } from "@drover/shared/json";

import type { HeldReason } from "./budget.ts";
import { ownEntry } from "./drift.ts";
import { isNamespace } from "./kinds.ts";
import { isOwnedBy, type Owner } from "./owner.ts";
import { pruneRuleOf } from "./prune-rule.ts";
import type { ObjectRecord } from "./record.ts";

/** What may be done about a live object of ours that is not to be there. */
export type DeleteVerdict =
  | { readonly kind: "delete"; readonly uid: string; readonly resourceVersion: string }
  /** Its deletion was asked for already; something holds it back. */
  | { readonly kind: "wait"; readonly message: string }
  /** It is not the object that we applied, or not ours any more: it is left alone and forgotten. */
  | { readonly kind: "release"; readonly reason: string; readonly message: string };

/** Whose an object may be, and as which field manager we apply. */
export interface Self {
  readonly owner: Owner;
  readonly manager: string;
}

export function judgeDelete(record: ObjectRecord, live: JsonRecord, { owner, manager }: Self): DeleteVerdict {
  const uid = textAt(live, "metadata", "uid") ?? "";
  // An agent that was killed may have made it without having written down that it did.
  if (record.uid !== "" && record.uid !== uid && ownEntry(live, manager) === undefined) {
    return { kind: "release", reason: "MadeAnew", message: "somebody made another object of that name" };
  }
  if (!isOwnedBy(live, owner, record.uid)) {
    return { kind: "release", reason: "LabelRemoved", message: "it does not carry the application's labels any more" };
  }
  if (textAt(live, "metadata", "deletionTimestamp") !== undefined) {
    return { kind: "wait", message: describeDeletion(live) };
  }
  return { kind: "delete", uid, resourceVersion: textAt(live, "metadata", "resourceVersion") ?? "" };
}

/** What may be done about a live object that the application no longer wants at all. */
export type PruneVerdict =
  | Exclude<DeleteVerdict, { readonly kind: "delete" }>
  /** `asks`: its annotations want a person to confirm it. */
  | (Extract<DeleteVerdict, { readonly kind: "delete" }> & { readonly asks: boolean })
  /** It stays, and has to stop being the application's. */
  | { readonly kind: "keep"; readonly reason: string; readonly message: string };

export function judgePrune(record: ObjectRecord, live: JsonRecord, self: Self): PruneVerdict {
  const verdict = judgeDelete(record, live, self);
  if (verdict.kind !== "delete") return verdict;
  // Deleting a namespace deletes everything in it, so one that was there before us is never ours to delete.
  if (isNamespace(record.key) && !record.created) {
    return { kind: "keep", reason: "NamespaceNotCreated", message: "it was there before the application" };
  }
  const rule = pruneRuleOf(live);
  if (record.keep || rule === "keep") {
    return { kind: "keep", reason: "KeepAnnotation", message: "its annotations say that it is never deleted" };
  }
  return { ...verdict, asks: rule === "confirm" };
}

/** Since when an object is being deleted, on the server's clock, and what still holds it (E51). */
export function describeDeletion(live: JsonRecord): string {
  const since = textAt(live, "metadata", "deletionTimestamp");
  const held = [...listAt(live, "metadata", "finalizers"), ...listAt(live, "spec", "finalizers")];
  const finalizers = held.filter((name) => typeof name === "string").slice(0, 5);
  const what = finalizers.length === 0 ? "its end" : `finalizers: ${finalizers.join(", ")}`;
  return `it is being deleted${since === undefined ? "" : ` since ${since}`} and waits for ${what}`;
}

/** What a person is told about an object that waits for him. */
export function heldMessage(reason: HeldReason, inUse: string): string {
  const wait = "waits for a person to confirm its deletion";
  switch (reason) {
    case "EverythingLeaves":
      return `${wait}: nothing of the application would be left`;
    case "ManyLeave":
      return `${wait}: more than 10 objects and more than 30 % of the application would go`;
    case "KindIsGuarded":
      return `${wait}: data or other objects may go with it`;
    case "DefinitionInUse":
      return `${wait}: every ${inUse} of the cluster would go with it`;
    case "AsksToConfirm":
      return `${wait}, as its annotations want`;
  }
}
