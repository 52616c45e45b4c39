import { canonicalJson, digestOf } from "@drover/shared/digest";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";
import type { HeldPrune } from "@drover/shared/link/link";

/** An object that is to be deleted, as far as the budget is concerned. */
export interface Departing {
  readonly key: ObjectKey;
  readonly uid: string;
  /** A person has said that it may go. */
  readonly confirmed: boolean;
  /** Its annotations want a person to say so. */
  readonly asks: boolean;
  /** Kind of the objects that would go with it, for a definition; "" when there are none. */
  readonly inUse: string;
}

export interface BudgetInput<T extends Departing> {
  readonly departing: readonly T[];
  /** How many objects the application keeps. */
  readonly staying: number;
  /** The application as a whole is to go, as a signed tombstone says. */
  readonly removal: boolean;
}

/** Why an object waits for a person. */
export type HeldReason =
  /** Everything that the application has would go. */
  | "EverythingLeaves"
  /** More than 10 objects and more than 30 % of them. */
  | "ManyLeave"
  /** Deleting one deletes what is in it, or data. */
  | "KindIsGuarded"
  /** A definition with objects: all of them would go with it (E18). */
  | "DefinitionInUse"
  | "AsksToConfirm";

export interface Budget<T extends Departing> {
  readonly held: ReadonlyMap<T, HeldReason>;
  /** undefined when nothing is held. */
  readonly summary: HeldPrune | undefined;
}

const freeObjects = 10;
const freeShare = 0.3;

const guarded: ReadonlySet<string> = new Set([
  "Namespace",
  "CustomResourceDefinition.apiextensions.k8s.io",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "StatefulSet.apps",
]);
/** What holds data that nothing brings back: not even the removal of the application takes it along unasked. */
const data: ReadonlySet<string> = new Set(["PersistentVolume", "PersistentVolumeClaim"]);

/**
 * Which deletions wait for a person (case 46). What a person has confirmed counts no more. A tombstone is itself the word
 * of a person, so it holds only what the person may not have thought of: data, and definitions that others use.
 */
export function holdBack<T extends Departing>({ departing, staying, removal }: BudgetInput<T>): Budget<T> {
  const open = departing.filter(({ confirmed }) => !confirmed);
  const whole = removal ? undefined : wholeReason(open.length, staying);
  const held = new Map<T, HeldReason>();
  for (const object of open) {
    const reason = whole ?? reasonOf(object, removal);
    if (reason !== undefined) held.set(object, reason);
  }
  return { held, summary: summarize(held) };
}

function wholeReason(leaving: number, staying: number): HeldReason | undefined {
  if (leaving > 0 && staying === 0) return "EverythingLeaves";
  return leaving > freeObjects && leaving > freeShare * (leaving + staying) ? "ManyLeave" : undefined;
}

function reasonOf({ key, asks, inUse }: Departing, removal: boolean): HeldReason | undefined {
  if (inUse !== "") return "DefinitionInUse";
  if (asks) return "AsksToConfirm";
  const kind = key.group === "" ? key.kind : `${key.kind}.${key.group}`;
  return (removal ? data : guarded).has(kind) ? "KindIsGuarded" : undefined;
}

function summarize(held: ReadonlyMap<Departing, HeldReason>): HeldPrune | undefined {
  const [reason] = held.values();
  if (reason === undefined) return undefined;
  return { digest: digestOfHeld([...held.keys()]), objects: held.size, reason };
}

/** Names exactly these objects, in whatever order: one more or another uid is another digest. */
function digestOfHeld(objects: readonly Departing[]): string {
  const rows = objects.map(({ key, uid, inUse }) => canonicalJson([formatObjectKey(key), uid, inUse]));
  return digestOf(rows.toSorted().join("\n"));
}
