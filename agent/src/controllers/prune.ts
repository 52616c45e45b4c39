import { holdBack, type Departing } from "../core/budget.ts";
import { createPruneOrder, describeWait, type PruneStep } from "../core/prune-order.ts";
import { heldMessage } from "../core/prune.ts";
import { clearObstacle, departureOf, isPresent, type ObjectRecord } from "../core/record.ts";
import { keepAll } from "./bounds.ts";
import type { Context } from "./context.ts";
import { allEnded } from "./limit.ts";
import { createPruner, keptForOthers, type Pruner, type PruneTarget } from "./prune-object.ts";
import { createSurvival } from "./survival.ts";

export interface PruneOptions extends PruneTarget {
  /** False: what left the bundle stays. */
  readonly prune: boolean;
  /** Digest of the held deletions that a person has confirmed; "" = none. */
  readonly confirmed: string;
  /** Writes the inventory: what was confirmed has to be remembered before it is acted on. */
  readonly save: () => Promise<void>;
}

/**
 * Deletes what left the bundle, in the reverse order of applying, within the budget and with the guards of
 * `prune-object`. A record goes only after the server has said that its object is not there; until then the inventory
 * keeps it.
 */
export async function pruneObjects(context: Context, options: PruneOptions, signal: AbortSignal): Promise<void> {
  const { application } = options;
  const leaving = collectLeaving(context, options);
  const { deletions: kept } = context.bounds;
  if (kept !== undefined) return keepAll(leaving, kept, context.clock.now());
  // All that a removal has left in place are the hooks that are run at its end.
  const running = options.removal ? [...application.objects.values()].filter(({ desired }) => desired !== "") : [];
  const order = createPruneOrder(application, leaving, running);
  const pruner = createPruner(context, options, signal);
  // All are looked at before any is deleted: how many are to go decides whether any may.
  const waiting = new Set(leaving.filter((record) => order.waitsFor(record) !== undefined));
  await allEnded(leaving.map((record) => context.limit(() => pruner.look(record, waiting.has(record)))));
  for (const record of leaving) if (!isPresent(application, record)) order.note(record, "gone");
  await keepBudget(context, options, leaving);
  await keepLimit(context, options, leaving);
  const survival = createSurvival(context, application);
  for (const group of order.groups) {
    const present = group.filter((record) => isPresent(application, record));
    const steps = new Map<ObjectRecord, PruneStep>();
    await allEnded(
      present.map(async (record) => {
        const other = order.waitsFor(record);
        const wait = other === undefined ? await survival.keeps(record, signal) : describeWait(other);
        steps.set(record, await step(context, { pruner, record, wait }));
      }),
    );
    for (const [record, made] of steps) {
      order.note(record, made);
      if (made === "gone") survival.retry(record);
    }
  }
  const freed = [...waiting].filter((record) => isPresent(application, record) && order.waitsFor(record) === undefined);
  // Nothing tells of an end that came within the pass, and what was held unseen has to be looked at now.
  if (freed.some(({ departure }) => (departure?.held ?? "") !== "")) context.wake(application.name);
}

/** What is to go; why the rest stays is left in its records. */
function collectLeaving(
  { bounds }: Pick<Context, "bounds">,
  { application, prune, removal }: PruneOptions,
): readonly ObjectRecord[] {
  const leaving: ObjectRecord[] = [];
  for (const record of application.objects.values()) {
    if (record.desired !== "" || record.departure?.released === true) continue;
    const forbidden = bounds.forbids(record.key);
    if (forbidden !== undefined) record.obstacle = forbidden;
    record.abandoned = prune ? "" : "PruneDisabled";
    if (forbidden !== undefined && !removal) record.abandoned ||= forbidden.reason;
    if (record.abandoned === "" && forbidden === undefined) leaving.push(record);
    else if (record.departure !== undefined) record.departure.held = "";
  }
  return leaving;
}

/** Counts what is about to be deleted for the first time; where that is too much, all of it stays. */
async function keepLimit(
  context: Context,
  { application, removal }: PruneOptions,
  leaving: readonly ObjectRecord[],
): Promise<void> {
  if (!context.bounds.limited) return;
  const due = leaving.filter((record) => {
    const { counted, held } = departureOf(record);
    return isPresent(application, record) && isUndecided(record) && !counted && held === "";
  });
  if (due.length === 0) return;
  const wish = { application: application.name, objects: due.length, present: application.objects.size, removal };
  const limited = await context.bounds.count(wish);
  if (limited !== undefined) return keepAll(due, limited, context.clock.now());
  for (const record of due) {
    departureOf(record).counted = true;
    if (isLimited(record)) clearObstacle(record);
  }
}

function isLimited({ obstacle }: ObjectRecord): boolean {
  return obstacle?.reason === "PruneLimited" || obstacle?.reason === "Stale" || obstacle?.reason === "Frozen";
}

interface Candidate extends Departing {
  readonly record: ObjectRecord;
}

/** Marks what waits for a person, and takes in what a person has confirmed. */
async function keepBudget(context: Context, options: PruneOptions, leaving: readonly ObjectRecord[]): Promise<void> {
  const { application, removal, confirmed } = options;
  const departing = leaving.filter((record) => isPresent(application, record) && isUndecided(record)).map(toCandidate);
  const staying = [...application.objects.values()].filter((record) => record.desired !== "").length;
  const { held, summary } = holdBack({ departing, staying, removal });
  const granted = confirmed !== "" && summary?.digest === confirmed;
  application.heldPrune = granted ? undefined : summary;
  for (const candidate of departing) {
    const { record } = candidate;
    const departure = departureOf(record);
    const reason = held.get(candidate);
    if (reason === undefined || granted) {
      if (departure.held !== "") clearObstacle(record);
      departure.held = "";
      if (reason !== undefined) departure.confirmed = true;
    } else {
      departure.held = reason;
      record.obstacle = { reason, message: heldMessage(reason, departure.inUse ?? ""), retry: "changed" };
      record.notBefore = context.clock.now() + idleMs;
    }
  }
  if (!granted) return;
  application.shape += 1;
  context.log.info({ application: application.name, objects: held.size }, "deletions were confirmed");
  await options.save();
}

/** What waits for a person or for another object is looked at again this rarely, or when something happens. */
const idleMs = 5 * 60_000;
/** Whose deletion was asked for already, or that another application may take over, is no deletion to decide about. */
const decided: ReadonlySet<string> = new Set(["Deleting", ...keptForOthers]);

function isUndecided({ obstacle }: ObjectRecord): boolean {
  return !decided.has(obstacle?.reason ?? "");
}

function toCandidate(record: ObjectRecord): Candidate {
  const { confirmed, asks, inUse = "" } = departureOf(record);
  return { record, key: record.key, uid: record.uid, confirmed, asks, inUse };
}

const waitReason = "WaitingForOthers";

/** `wait`: why it has to stay for now; undefined when nothing keeps it. */
async function step(
  context: Context,
  {
    pruner,
    record,
    wait,
  }: { readonly pruner: Pruner; readonly record: ObjectRecord; readonly wait: string | undefined },
): Promise<PruneStep> {
  if (record.obstacle?.reason === "Deleting" && record.notBefore > context.clock.now()) return "deleting";
  if ((record.departure?.held ?? "") !== "") return "stays";
  if (context.bounds.limited && record.departure?.counted !== true) return "stays";
  if (wait !== undefined) {
    record.obstacle = { reason: waitReason, message: wait, retry: "changed" };
    record.notBefore = context.clock.now() + idleMs;
    return "stays";
  }
  if (record.obstacle?.reason === waitReason) clearObstacle(record);
  return context.limit(() => pruner.remove(record));
}
