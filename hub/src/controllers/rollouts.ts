import type { Digest } from "@drover/shared/digest";
import { canonicalJson } from "@drover/shared/digest";

import type { PlaceableCluster } from "../core/cluster-selector.ts";
import { advance, beginRollout } from "../core/rollout/advance.ts";
import { areUntouched, finishRollout, rememberRest } from "../core/rollout/finish.ts";
import { rememberPrevious, rollBack } from "../core/rollout/roll-back.ts";
import type { Member, Rollout, RolloutPhase, Step } from "../core/rollout/rollout.ts";
import { stopGap } from "../core/rollout/stop-gap.ts";
import type { RolloutStrategy } from "../core/strategy.ts";
import type { TargetRecord } from "../core/target.ts";
import type { Variant } from "../core/variants.ts";
import type { ObservedRecord, Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";
import type { World } from "./world.ts";

export interface RolloutDeps {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
}

/** What an application is to run where, before it is decided who gets it now. */
export interface Wanted {
  readonly app: string;
  /** Names what is released; asked for only when a strategy is used. */
  readonly content: () => Digest;
  readonly revision: string;
  readonly authors: readonly string[];
  readonly variants: readonly Variant[];
  /** By cluster; see `Placed`. */
  readonly strategies: ReadonlyMap<string, string>;
  /** Clusters that have a decided target, whether or not it changes. */
  readonly clusters: readonly string[];
  /** Whether these are all, as far as Git says: what is not used is forgotten only then. */
  readonly certain: boolean;
  /** What differs from what is assigned. */
  readonly put: readonly TargetRecord[];
  readonly nowMs: number;
}

export interface Released {
  /** Of what was to be put, that which may be now, and what new clusters get until it is their turn. */
  readonly put: readonly TargetRecord[];
  readonly rollouts: readonly Rollout[];
  readonly wakeAtMs: number | undefined;
}

/** Lets changes reach clusters by the strategies of their placements. Removals, and what has no strategy, go at once. */
export function releaseByStrategy(deps: RolloutDeps, wanted: Wanted): Released {
  const { store, world } = deps;
  const { app, put, nowMs } = wanted;
  const used = [...new Set(wanted.clusters.flatMap((cluster) => wanted.strategies.get(cluster) ?? []))].toSorted();
  const unused = store.rolloutsOf(app).filter(({ strategy }) => !used.includes(strategy));
  if (wanted.certain) for (const rollout of unused) store.deleteRollout(rollout);
  const content = used.length === 0 ? undefined : wanted.content();
  const steps = used.flatMap((name) => (content === undefined ? [] : (stepOf(deps, wanted, { name, content }) ?? [])));
  const before = world.rollouts.get(app) ?? [];
  announce(deps, app, { before, after: steps });
  world.setRollouts(app, steps);
  const assigned = new Map(store.targetsOf(app).map((record) => [record.cluster, record]));
  const answered = steps.map((step) =>
    answer(world.catalogs.strategy(step.rollout.strategy), step, { assigned, nowMs }),
  );
  const waiting = new Set(steps.flatMap((step) => [...step.waiting.keys()]));
  const behind = new Map(steps.filter(({ next }) => next !== undefined).map((step) => [step.rollout.strategy, step]));
  const ahead = ({ cluster }: TargetRecord): Step | undefined => behind.get(wanted.strategies.get(cluster) ?? "");
  const isHeld = (record: TargetRecord): boolean =>
    record.removal === "" && (waiting.has(record.cluster) || ahead(record) !== undefined);
  const held = put.filter((record) => {
    const step = ahead(record);
    return isHeld(record) && (step === undefined || areUntouched(step, assigned)(record.cluster));
  });
  const wakes = steps.flatMap(({ wakeAtMs }) => wakeAtMs ?? []);
  return {
    put: [
      ...put.filter((record) => !isHeld(record)),
      ...steps.flatMap(({ next }) => next?.put ?? []),
      ...answered.flatMap(({ put: back }) => back),
      ...stopGap(held, [...assigned.values()], wanted.variants),
    ],
    rollouts: answered.map(({ rollout }) => rollout).filter((rollout) => !isStored(store, rollout)),
    wakeAtMs: wakes.length === 0 ? undefined : Math.min(...wakes),
  };
}

interface Answer {
  readonly rollout: Rollout;
  /** What clusters get back. */
  readonly put: readonly TargetRecord[];
}

/** What a strategy that goes back on failure makes of a step. */
function answer(
  strategy: RolloutStrategy | undefined,
  { rollout, release, phase }: Step,
  { assigned, nowMs }: { readonly assigned: ReadonlyMap<string, TargetRecord>; readonly nowMs: number },
): Answer {
  if (strategy?.onFailure !== "rollback") return { rollout, put: [] };
  if (phase === "Frozen") return rollBack(rollout, assigned, nowMs);
  return { rollout: rememberPrevious(rollout, release, assigned), put: [] };
}

/** undefined = there is nothing to release, and never was. */
function stepOf(
  { store, world }: RolloutDeps,
  wanted: Wanted,
  { name, content }: { readonly name: string; readonly content: Digest },
): Step | undefined {
  const { app, revision, authors, nowMs } = wanted;
  const lacking = new Set(wanted.put.flatMap(({ removal, cluster }) => (removal === "" ? [cluster] : [])));
  const clusters = wanted.clusters.filter((cluster) => wanted.strategies.get(cluster) === name);
  const strategy = world.catalogs.strategy(name);
  const stored = store.rolloutsOf(app).find((rollout) => rollout.strategy === name);
  const hasNews = clusters.some((cluster) => lacking.has(cluster));
  if (stored === undefined && !hasNews) return undefined;
  const isOther = stored === undefined || (stored.content !== content && hasNews);
  const begin = (): Rollout => beginRollout({ app, strategy: name, content, revision, authors }, nowMs, stored);
  if (strategy === undefined)
    return withoutStrategy(
      isOther ? begin() : stored,
      clusters.filter((cluster) => lacking.has(cluster)),
    );
  const members = clusters.map((cluster) => memberOf({ store, world }, { app, cluster }, !lacking.has(cluster)));
  const placeable = new Map(world.placeable().map((cluster): [string, PlaceableCluster] => [cluster.name, cluster]));
  const situation = { strategy, members, clusters: placeable, nowMs };
  const finishes = strategy.supersede === "finish";
  if (finishes && isOther && stored !== undefined) {
    const assigned = new Map(store.targetsOf(app).map((record) => [record.cluster, record]));
    const unfinished = finishRollout(stored, { ...situation, assigned, next: revision });
    if (unfinished !== undefined) return unfinished;
  }
  const step = advance(isOther ? begin() : stored, situation);
  if (!finishes) return step;
  const own = wanted.put.filter(({ cluster }) => lacking.has(cluster) && clusters.includes(cluster));
  return { ...step, rollout: rememberRest(step.rollout, own, step.release) };
}

function memberOf(
  { store, world }: Pick<RolloutDeps, "store" | "world">,
  id: { readonly app: string; readonly cluster: string },
  assigned: boolean,
): Member {
  return {
    cluster: id.cluster,
    assigned,
    assignedAtMs: store.target(id)?.assignedAtMs ?? 0,
    state: stateOf(store.observed(id)),
    connected: world.connections.has(id.cluster),
  };
}

/** What waits for a person, is held back on purpose, or was changed by somebody else, is there as Git has it. */
function stateOf(observed: ObservedRecord | undefined): Member["state"] {
  const { state, reason } = observed ?? { state: "pending", reason: "" };
  if (state === "failed" || state === "degraded") return "failed";
  const isThere = state === "current" || state === "drifted" || state === "paused" || reason === "PruneHeld";
  return isThere ? "current" : "under-way";
}

/** Nobody knows how careful it would be, so nothing is released. */
function withoutStrategy(rollout: Rollout, lacking: readonly string[]): Step {
  const message = `the strategy ${rollout.strategy} is not declared, so nothing is released`;
  const waiting = new Map(lacking.map((cluster) => [cluster, message]));
  return {
    rollout,
    release: [],
    waiting,
    phase: "NoStrategy",
    message,
    wave: "",
    failed: [],
    wakeAtMs: undefined,
    waves: [],
  };
}

function isStored(store: Store, rollout: Rollout): boolean {
  const stored = store.rolloutsOf(rollout.app).find(({ strategy }) => strategy === rollout.strategy);
  return canonicalJson(stored) === canonicalJson(rollout);
}

interface News {
  readonly before: readonly Step[];
  readonly after: readonly Step[];
}

const failing: readonly RolloutPhase[] = ["Frozen", "NoStrategy"];

function isToldAlike(old: Step, { phase, rollout, next }: Step): boolean {
  return old.phase === phase && old.rollout.content === rollout.content && old.next?.revision === next?.revision;
}

/** Tells of every phase once, and puts what is worst on the application. */
function announce({ world, events }: RolloutDeps, app: string, { before, after }: News): void {
  for (const step of after) {
    const { rollout, phase, message } = step;
    const old = before.find((one) => one.rollout.strategy === rollout.strategy);
    if (old !== undefined && isToldAlike(old, step)) continue;
    // After a restart nothing was known of it, and nothing has happened.
    if (old === undefined && phase === "Complete") continue;
    const told = message === "" ? phase : `${phase}: ${message}`;
    events.append({ type: "rollout", app, cluster: "", message: `${app} by strategy ${rollout.strategy}: ${told}` });
  }
  const worst = after.find(({ phase }) => failing.includes(phase)) ?? after.find(({ phase }) => phase !== "Complete");
  const type = "Released";
  if (worst === undefined) {
    if (before.length > 0 || after.length > 0)
      world.setApplication(app, {}, { type, status: "True", reason: "Complete", message: "" });
    return;
  }
  const status = failing.includes(worst.phase) ? "False" : "Unknown";
  world.setApplication(app, {}, { type, status, reason: worst.phase, message: worst.message });
}
