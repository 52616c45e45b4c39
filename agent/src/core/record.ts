import type { Digest } from "@drover/shared/digest";
import type { JsonRecord } from "@drover/shared/json";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";
import type { Drift, HeldPrune, Report } from "@drover/shared/link/link";

import { cold, type Heat } from "./contest.ts";
import type { DriftedFields } from "./drift.ts";
import { verdictAfter, type Verdict } from "./health/verdict.ts";
import { unordered, type Order } from "./order.ts";
import type { RefusedBundle } from "./refused.ts";
import { hasFailed, isOver, type Run } from "./run.ts";
import type { Yield } from "./yield.ts";

/** Why an object could not be brought to what is desired, and when trying again makes sense. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
  /** `soon`: seconds · `later`: minutes · `changed`: when the desired or live object changes · `kind`: when the kind is there. */
  readonly retry: "soon" | "later" | "changed" | "kind";
  /** Fields whose value the server would not take; absent when none is to blame. */
  readonly fields?: readonly string[];
}

/** Why an object that was applied has to be applied once more. */
export type Repair =
  /** Its metadata when it was found changed: tells what was changed and by whom. */
  | { readonly kind: "changed"; readonly evidence: JsonRecord; readonly foundAtMs: number }
  | { readonly kind: "scaled"; readonly evidence: JsonRecord; readonly foundAtMs: number }
  /** Something of its spec was changed, and what we own does not tell what: `fields` once the object was looked at. */
  | {
      readonly kind: "moved";
      readonly evidence: JsonRecord;
      readonly foundAtMs: number;
      readonly fields?: DriftedFields;
    }
  /** Fields were added to an object that is to be exactly as in Git. */
  | {
      readonly kind: "added";
      readonly evidence: JsonRecord;
      readonly foundAtMs: number;
      readonly fields: DriftedFields;
    }
  /** It left the watch's selection: deleted, or its label was taken off. */
  | { readonly kind: "left"; readonly foundAtMs: number }
  /** Nobody changed it; somebody asked for it to be applied. */
  | { readonly kind: "asked" };

/**
 * What the agent keeps of one object of an application: no body, only what decides whether a request is needed. The set
 * of an application's records is its inventory.
 */
export interface ObjectRecord {
  readonly key: ObjectKey;
  version: string;
  /** Digest of the object in the bundle; "" when the bundle no longer has it. */
  desired: Digest;
  /** Digest that the server took last; "" = none yet. */
  applied: Digest;
  /** False while the server lacks the kind: then the namespace is only what the manifest says. */
  placed: boolean;
  order: Order;
  /** Of a Job or a hook; undefined for what is kept as it is. */
  run: Run | undefined;
  /** What Git sets `spec.replicas` to, if it does. */
  replicas: number | undefined;
  /** Whether our apply made the object, rather than finding it there. */
  created: boolean;
  uid: string;
  resourceVersion: string;
  generation: number;
  /** See `core/drift.ownHash`. */
  ownHash: string;
  verdict: Verdict;
  /** ms since the epoch; -Infinity for what was there before this process. undefined: not seen yet. */
  firstSeenAtMs: number | undefined;
  /** What its pods say about why it is not ready; found out on demand. */
  cause: Pick<Verdict, "reason" | "message"> | undefined;
  obstacle: Obstacle | undefined;
  /** Tries that failed in a row. */
  attempts: number;
  /** No request before this time; ms since the epoch. */
  notBefore: number;
  repair: Repair | undefined;
  drift: Drift | undefined;
  /** The state, see `core/drift.markOf`, in which drift was found and left as it is; "" = none. */
  tolerated: string;
  /** What live autoscalers have been seen to scale. */
  scaledBy: readonly Yield[];
  /** Which fields others have been seen to have, for people: `spec.replicas to HorizontalPodAutoscaler web`. */
  yielded: string;
  heat: Heat;
  /** A write is under way: what the watch tells meanwhile waits in `echo`. */
  inFlight: boolean;
  echo: { readonly left: boolean; readonly object: JsonRecord } | undefined;
  /** Why it stays in the cluster although it left the bundle. */
  abandoned: string;
  /** Whether its manifest says that it is never to be deleted. */
  keep: boolean;
  /** Number of the bundle that brought it or left it out, as `ApplicationRecord.bundles` counts; 0 = before this process. */
  moved: number;
  /** How far its deletion is; undefined for what nobody has looked at yet. */
  departure: Departure | undefined;
}

/** What is known of the deletion of an object that left its application. */
export interface Departure {
  /** Why it waits for a person (see `core/budget`); "" when it does not. */
  held: string;
  /** A person has confirmed it. Kept in the inventory: a restart in the middle must not ask again for the rest. */
  confirmed: boolean;
  /** Kind of the objects that would go with it, for a definition; "" when there are none, undefined when not looked for. */
  inUse: string | undefined;
  /** Its annotations want a person to confirm it. */
  asks: boolean;
  /** It was counted against what the cluster's policy lets be deleted. */
  counted: boolean;
  /** It is not the application's any more: reported until the next bundle, and in no inventory. */
  released: boolean;
}

export interface ApplicationRecord {
  readonly name: string;
  /** By `formatObjectKey`. */
  readonly objects: Map<string, ObjectRecord>;
  /** How many bundles this process has taken in. */
  bundles: number;
  /** What waits for a person to confirm that it is to be deleted. */
  heldPrune: HeldPrune | undefined;
  /** Bundle that the records' `desired` are of; "" = none. */
  bundle: Digest;
  /** Default namespace that the bundle's objects were placed in. */
  namespace: string;
  /** Last bundle whose every object was applied, and the one before it. */
  applied: Digest;
  previous: Digest;
  appliedAtMs: number;
  /** The removal that is under way, or that was the last to begin: another name for each. "" = none that knows the hooks. */
  removal: string;
  syncRequest: number;
  /** Service account whose rights are used for it, as `namespace/name`; "" = the agent's own. */
  account: string;
  phase: Report["phase"];
  /** Goes up when an object comes, goes, or gets another uid: what the inventory and the watches depend on. */
  shape: number;
  /** The `shape` that the inventory in the cluster has; -1 = not known. */
  savedShape: number;
  /** What objects wait for (see `core/gate.Wait.on`), each with when that has lasted too long, in ms since the epoch. */
  waits: ReadonlyMap<string, number>;
  /** When that was looked at last: what was overdue by then says so already. */
  waitsSeenAtMs: number;
  /** The assigned bundle, when it may be written only as a whole and the server would not take all of it. */
  refused: RefusedBundle | undefined;
  /** What keeps the application as a whole, such as a bundle that cannot be fetched. */
  hindrance: { readonly reason: string; readonly message: string } | undefined;
}

export const notSeen: Verdict = { health: "Unknown", reason: "NotObserved", message: "not looked at yet" };
export const notFound: Verdict = { health: "NotFound", reason: "NotFound", message: "it is not in the cluster" };

export function createObjectRecord(key: ObjectKey, version: string): ObjectRecord {
  return {
    key,
    version,
    desired: "",
    applied: "",
    placed: false,
    order: unordered,
    run: undefined,
    replicas: undefined,
    created: false,
    uid: "",
    resourceVersion: "",
    generation: 0,
    ownHash: "",
    verdict: notSeen,
    firstSeenAtMs: undefined,
    cause: undefined,
    obstacle: undefined,
    attempts: 0,
    notBefore: 0,
    repair: undefined,
    drift: undefined,
    tolerated: "",
    scaledBy: [],
    yielded: "",
    heat: cold,
    inFlight: false,
    echo: undefined,
    abandoned: "",
    keep: false,
    moved: 0,
    departure: undefined,
  };
}

export function createApplicationRecord(name: string): ApplicationRecord {
  return {
    name,
    objects: new Map(),
    bundles: 0,
    heldPrune: undefined,
    bundle: "",
    namespace: "",
    applied: "",
    previous: "",
    appliedAtMs: 0,
    removal: "",
    syncRequest: 0,
    account: "",
    phase: "applying",
    shape: 0,
    savedShape: -1,
    waits: new Map(),
    waitsSeenAtMs: 0,
    refused: undefined,
    hindrance: undefined,
  };
}

/** Adds a record, or gives the one that is there. */
export function recordOf(application: ApplicationRecord, key: ObjectKey, version: string): ObjectRecord {
  const id = formatObjectKey(key);
  const known = application.objects.get(id);
  if (known !== undefined) return known;
  const made = createObjectRecord(key, version);
  application.objects.set(id, made);
  application.shape += 1;
  return made;
}

/** Whether the record is still one of the application's, and its object too. */
export function isPresent(application: ApplicationRecord, record: ObjectRecord): boolean {
  return application.objects.get(formatObjectKey(record.key)) === record && record.departure?.released !== true;
}

/** Takes an object out of the inventory. */
export function dropRecord(application: ApplicationRecord, key: ObjectKey): void {
  if (application.objects.delete(formatObjectKey(key))) application.shape += 1;
}

/** What is known of an object's deletion, to be changed in place. */
export function departureOf(record: ObjectRecord): Departure {
  record.departure ??= { held: "", confirmed: false, inUse: undefined, asks: false, counted: false, released: false };
  return record.departure;
}

/** Whether the object is on its way out of the cluster, without a person having to say so first. */
export function isLeaving(record: ObjectRecord): boolean {
  return record.desired === "" && record.abandoned === "" && (record.departure?.held ?? "") === "";
}

/** Takes in how the object is doing; a cause holds only for as long as there is something to explain. */
export function setVerdict(record: ObjectRecord, verdict: Verdict): void {
  record.verdict = verdict;
  if (!isUnready(verdict)) record.cause = undefined;
}

/** Takes in that time has passed; true when that alone changed how the object is doing. */
export function endGrace(record: ObjectRecord, nowMs: number): boolean {
  if (record.verdict.grace === undefined) return false;
  record.firstSeenAtMs ??= nowMs;
  const now = verdictAfter(record.verdict, nowMs - record.firstSeenAtMs);
  if (now === record.verdict) return false;
  setVerdict(record, now);
  return true;
}

export function isUnready({ health }: Verdict): boolean {
  return health === "Progressing" || health === "Degraded" || health === "Failed";
}

/** Whether the object differs from what is desired as far as the agent knows. One that does not costs no request. */
export function needsApply(record: ObjectRecord): boolean {
  return record.desired !== "" && (record.applied !== record.desired || record.repair !== undefined);
}

/** Whether the server was asked for what is desired, whatever it said. */
export function wasTried(record: ObjectRecord): boolean {
  return !needsApply(record) || record.obstacle !== undefined;
}

/** Whether the object is as desired. */
export function isApplied(record: ObjectRecord): boolean {
  return !needsApply(record) && record.obstacle === undefined && !isPending(record);
}

/** A hook is done with when it has ended, and well; a Job when it is there. */
function isPending({ run }: ObjectRecord): boolean {
  return run?.hook !== undefined && (!isOver(run) || hasFailed(run));
}

/** Desired content changed, or the world did: what failed before may go through now. */
export function clearObstacle(record: ObjectRecord): void {
  record.obstacle = undefined;
  record.attempts = 0;
  record.notBefore = 0;
}

/** Resource versions of one kind count up, which the API promises since 1.35 and every etcd has kept before. */
export function isOlder(a: string, b: string): boolean {
  if (a.length !== b.length) return a.length < b.length;
  return a < b;
}
