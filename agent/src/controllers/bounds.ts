import type { Clock } from "@drover/shared/clock";
import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";
import { isReleased, readReleaseKey } from "@drover/shared/trust/release";

import { matches, overLimit, recentOf, type Deletion, type SignatureRule, type Wish } from "../core/policy.ts";
import type { ApplicationRecord, ObjectRecord, Obstacle } from "../core/record.ts";
import { readDeletions, writeDeletions } from "../store/deletions.ts";
import type { Disk } from "../store/disk.ts";
import type { Freshness } from "./freshness.ts";
import type { KeptPolicy } from "./policy.ts";
import type { State } from "./state.ts";

/** What holds whatever was assigned: by the cluster's own policy, or for want of beats. */
export interface Bounds {
  /** Why an object is neither written nor deleted; undefined when it may be. */
  forbids(key: ObjectKey): Obstacle | undefined;
  /** Why nothing new is taken; undefined when it may be. */
  readonly frozen: Held | undefined;
  /** Why the assigned bundle is not taken yet; undefined when it may be. */
  awaits(assignment: Assignment): Held | undefined;
  /** Why nothing is deleted and nothing let go of; undefined when it may be. */
  readonly deletions: Held | undefined;
  /** Whether deletions have to be counted before they are made. */
  readonly limited: boolean;
  /** Counts objects that are about to be deleted, durably; or says why they may not be. */
  count(wish: Wish): Promise<Obstacle | undefined>;
}

export interface Held {
  readonly reason: string;
  readonly message: string;
}

export interface BoundsOptions {
  readonly policy: Pick<KeptPolicy, "current" | "forbids" | "frozen">;
  readonly freshness: Pick<Freshness, "fresh">;
  /** Name of this cluster. */
  readonly cluster: () => string;
  /** Where counted deletions are kept. */
  readonly disk: Disk;
  readonly path: string;
  readonly clock: Clock;
}

/** Entries of one application are joined within this part of the time that they count for. */
const parts = 60;

export function createBounds({ policy, freshness, cluster, disk, path, clock }: BoundsOptions): Bounds {
  let last: Promise<unknown> = Promise.resolve();
  const countNow = async (wish: Wish): Promise<Obstacle | undefined> => {
    const { prune } = policy.current;
    const now = clock.now();
    const recent = recentOf(await readDeletions(disk, path), prune, now);
    const message = overLimit(prune, wish, recent);
    if (message !== undefined) return { reason: "PruneLimited", message, retry: "later" };
    await writeDeletions(disk, path, join(recent, { ...wish, atMs: now }, prune.withinMs / parts));
    return undefined;
  };
  return {
    forbids(key) {
      const message = policy.forbids(key);
      return message === undefined ? undefined : { reason: forbidden, message, retry: "changed" };
    },
    get frozen() {
      return policy.frozen === undefined ? undefined : { reason: "Frozen", message: policy.frozen };
    },
    awaits: (assignment) =>
      awaitedFor(policy.current.signatures, { assignment, cluster: cluster(), nowMs: clock.now() }),
    get deletions() {
      return this.frozen ?? (freshness.fresh ? undefined : stale);
    },
    get limited() {
      const { objects, percent, total } = policy.current.prune;
      return objects !== undefined || percent !== undefined || total !== undefined;
    },
    count(wish) {
      const counted = last.then(() => countNow(wish));
      last = counted.catch(() => undefined);
      return counted;
    },
  };
}

export const forbidden = "ForbiddenByPolicy";
const stale: Held = {
  reason: "Stale",
  message: "nothing is deleted: the hub has not said lately that this is the newest that it has assigned",
};
const reasons: ReadonlySet<string> = new Set([forbidden, stale.reason, "Frozen", "PruneLimited"]);

/** Each key counts once, however many names and signatures it has. */
function awaitedFor(
  rule: SignatureRule | undefined,
  { assignment, cluster, nowMs }: { readonly assignment: Assignment; readonly cluster: string; readonly nowMs: number },
): Held | undefined {
  const { application, bundle, signatures = [] } = assignment;
  if (rule === undefined || !rule.applications.some((pattern) => matches(pattern, application))) return undefined;
  const release = { application, bundle, cluster };
  const signed = [...new Set(Object.values(rule.keys))].filter((text) => {
    const key = readReleaseKey(text);
    return signatures.some((signature) => isReleased(release, signature, { key, nowMs }));
  });
  if (signed.length >= rule.required) return undefined;
  const message = `${signed.length} of ${rule.required} signatures that the cluster's policy wants: drover sign ${application}@${cluster}`;
  return { reason: "AwaitingSignatures", message };
}

function join(recent: readonly Deletion[], { application, objects, atMs }: Deletion, withinMs: number) {
  const newest = recent.findLast((deletion) => deletion.application === application);
  const isNear = newest !== undefined && atMs - newest.atMs < withinMs;
  const others = isNear ? recent.filter((deletion) => deletion !== newest) : recent;
  return [...others, { application, atMs, objects: objects + (isNear ? newest.objects : 0) }];
}

/** The bounds are others: lets everything that they kept be tried again. */
export function retryBounded(state: Pick<State, "applications">, wake: (application: string) => void): void {
  for (const application of state.applications.values()) {
    for (const record of application.objects.values()) {
      if (reasons.has(record.obstacle?.reason ?? "")) Object.assign(record, { notBefore: 0, attempts: 0 });
    }
    wake(application.name);
  }
}

/** Leaves in the records why none of these is deleted for now. */
export function keepAll(records: readonly ObjectRecord[], { reason, message }: Held, nowMs: number): void {
  for (const record of records) {
    record.obstacle = { reason, message, retry: "changed" };
    record.notBefore = nowMs + idleMs;
  }
}

/** What is kept is looked at again this rarely, or when the bounds are others. */
const idleMs = 5 * 60_000;

/** Whether nothing new is taken in for now; why is left in the application's record. */
export function isKeptAsItIs(
  bounds: Pick<Bounds, "frozen" | "awaits">,
  { application, assignment }: { readonly application: ApplicationRecord; readonly assignment: Assignment },
): boolean {
  const held = bounds.frozen ?? bounds.awaits(assignment);
  if (held !== undefined) application.hindrance = held;
  return held !== undefined;
}
