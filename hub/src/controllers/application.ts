import type { Clock } from "@drover/shared/clock";
import type { Condition } from "@drover/shared/conditions";
import { done, type Outcome } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import { formatProblem, uniqueProblems, type Problem } from "@drover/shared/problems";

import { conflictWith, type Application } from "../core/application.ts";
import { applicationKey } from "../core/attempts.ts";
import { BundleMemory, type Bundled } from "../core/bundle-memory.ts";
import { dependencyCycle, dependencyCycleReason } from "../core/dependency-cycle.ts";
import { type Desired, type Placed } from "../core/desired.ts";
import { listNames } from "../core/list-names.ts";
import { explainNoTargets, type Placement } from "../core/placement.ts";
import { plan, type DesiredTarget, type Plan, type PlannedChange } from "../core/plan.ts";
import { emptyRender, renderFor, renderGroups, type Renders } from "../core/render/groups.ts";
import type { Rendered, Variant } from "../core/render/index.ts";
import { contentOfApplication } from "../core/rollout/content.ts";
import type { Rollout } from "../core/rollout/rollout.ts";
import { splitGroups } from "../core/split-groups.ts";
import { strategyProblems } from "../core/strategy-problems.ts";
import type { TargetRecord } from "../core/target.ts";
import type { Store } from "../store/store.ts";
import { addDependencies, type DependencyDeps } from "./chart-dependencies.ts";
import { contentOf, type Content } from "./content.ts";
import type { EventLog } from "./event-log.ts";
import type { News } from "./news.ts";
import type { Quarantine } from "./quarantine.ts";
import { holdWideChanges } from "./reach.ts";
import type { Renderer } from "./renderer.ts";
import { releaseByStrategy } from "./rollouts.ts";
import type { World } from "./world.ts";

export interface ApplicationDeps extends Pick<DependencyDeps, "helm" | "wanted"> {
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  readonly renderer: Renderer;
  readonly news: Pick<News, "note">;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asks for the assignments of these clusters to be sent. */
  readonly changed: (clusters: Iterable<string>) => void;
}

/** Works out what every cluster is to run of one application, and decides it. On any doubt everything stays as it is. */
export function createApplicationReconciler(
  deps: ApplicationDeps,
): (name: string, signal: AbortSignal) => Promise<Outcome> {
  /** Of the applications that are declared, by name. */
  const memories = new Map<string, BundleMemory>();
  return async (name, signal) => {
    const [application] = deps.world.catalogs.applications(name);
    if (application === undefined) {
      memories.delete(name);
      deps.quarantine.forget(applicationKey(name));
      deps.renderer.forget(name);
      if (deps.world.setDependencies(name, [])) deps.wanted();
      retire(deps, name);
      return done;
    }
    try {
      if (dependsOnItself(deps, application)) return done;
      const found = contentOf(deps.store, deps.world, application);
      if (found === undefined || isQuarantined(deps, application, found)) return done;
      const memory = memories.get(name) ?? new BundleMemory();
      memories.set(name, memory);
      return await deps.quarantine.run(applicationKey(name), inputOf(deps, application, found), async () =>
        workOut(deps, application, { found, memory }, signal),
      );
    } catch (cause) {
      signal.throwIfAborted();
      // Not a fault of the revision: a program that is missing, or that took too long.
      const { code, message, hint } = DroverError.from(cause);
      const told = hint === undefined ? message : `${message} (${hint})`;
      deps.world.setApplication(name, {}, { type: "Rendered", status: "False", reason: code, message: told });
      throw cause;
    }
  };
}

/** What is rendered, and what says how. */
function inputOf({ world }: ApplicationDeps, { repository }: Application, { revision }: Content): string {
  return `${world.catalogs.get(repository)?.commit ?? ""} ${revision}`;
}

function isQuarantined(deps: ApplicationDeps, application: Application, found: Content): boolean {
  const { name, repository } = application;
  const input = inputOf(deps, application, found);
  const message = deps.quarantine.refusal(applicationKey(name), input, `drover sync source/${repository}`);
  if (message === "") return false;
  deps.world.setApplication(name, {}, { type: "Rendered", status: "False", reason: "Quarantined", message });
  return true;
}

async function workOut(
  deps: ApplicationDeps,
  application: Application,
  { found, memory }: { readonly found: Content; readonly memory: BundleMemory },
  signal: AbortSignal,
): Promise<Outcome> {
  const { world, renderer } = deps;
  const { name } = application;
  const snapshot = await addDependencies(deps, application, found.snapshot);
  if (snapshot === undefined) return done;
  const content = { ...found, snapshot };
  const placements = world.catalogs.placementsOf(name);
  const chosen = memory.place(placements, world.placeable(), () => world.running(name));
  const placed = await splitGroups(chosen, (variant) => renderer.looks(application, content.snapshot, variant));
  const renderOne = (variant: Variant): Promise<Rendered> =>
    renderer.render(application, content.snapshot, signal, variant);
  const renders = await renderGroups(application, placed.groups, renderOne, (...rendered) =>
    memory.finish(...rendered),
  );
  if (!accept(deps, application, { renders, revision: content.revision })) return done;
  const bundled = memory.bundle(placed, (group) => renderFor(renders, group));
  const wakeAtMs = decide(deps, application, { placements, placed, renders, bundled, content });
  return wakeAtMs === undefined ? done : { kind: "retry", afterMs: Math.max(1, wakeAtMs - deps.clock.now()) };
}

/** No cluster could ever take what waits for itself, so everything stays as it is assigned. */
function dependsOnItself({ world }: ApplicationDeps, { name }: Application): boolean {
  const cycle = dependencyCycle(name, (other) => world.catalogs.applications(other)[0]);
  if (cycle === undefined) return false;
  const message = `it depends on itself: ${cycle.join(" → ")}`;
  world.setApplication(name, {}, { type: "Rendered", status: "False", reason: dependencyCycleReason, message });
  return true;
}

/** Notes what is wrong; false when nothing can be rendered, and everything stays as it is assigned. */
function accept(
  { world }: ApplicationDeps,
  { name, ...application }: Application,
  { renders, revision }: { readonly renders: Renders; readonly revision: string },
): boolean {
  const conflicts = world.catalogs
    .applications(name)
    .slice(1)
    .map(conflictWith({ name, ...application }));
  const strategies = strategyProblems(world.catalogs.placementsOf(name), world.catalogs.strategyNames());
  const problems = uniqueProblems([
    ...conflicts,
    ...strategies,
    ...[...renders.values()].flatMap((rendered) => rendered.problems),
  ]);
  const error = problems.find((problem) => problem.severity === "error");
  const condition = { type: "Rendered", status: "True", reason: "Rendered", message: "" } as const;
  if (error === undefined || [...renders.values()].some((rendered) => !hasError(rendered.problems))) {
    world.setApplication(name, { problems, commit: revision }, condition);
    return true;
  }
  const isEmpty = error.code === emptyRender;
  const reason = isEmpty ? "EmptyRender" : "RenderFailed";
  const message = isEmpty ? error.message : formatProblem(error);
  const shown = problems.filter(({ code }) => code !== emptyRender);
  world.setApplication(name, { problems: shown }, { ...condition, status: "False", reason, message });
  return false;
}

interface Decision {
  readonly placements: readonly Placement[];
  readonly placed: Placed;
  readonly renders: Renders;
  readonly bundled: Bundled;
  readonly content: Content;
}

/** Returns when to look again, if that is to be without news. */
function decide(deps: ApplicationDeps, application: Application, decision: Decision): number | undefined {
  const { placements, placed, renders, bundled, content } = decision;
  const { store, world, clock } = deps;
  const { name } = application;
  const { variants } = bundled;
  const declaredIn = declaring(deps, application, placements);
  const isKept = ({ problems, waiting }: Desired["variants"][number]): boolean =>
    hasError(problems) || waiting !== undefined;
  const refused = new Set(variants.flatMap((variant) => (isKept(variant) ? variant.clusters : [])));
  const unclear = unclearTargets(deps, store.targetsOf(name), declaredIn);
  const kept = new Set([...refused, ...unclear.keys()]);
  const targets = variants.flatMap((variant) =>
    variant.clusters
      .filter((cluster) => !kept.has(cluster))
      .map((cluster) => {
        return toTarget({ application, variant, content }, { cluster, declaredIn: declaredIn(cluster) });
      }),
  );
  const assigned = store.targetsOf(name).filter((record) => !kept.has(record.cluster));
  const nowMs = clock.now();
  const planned = plan(targets, assigned, {
    now: nowMs,
    removal: ({ cluster }) =>
      `no placement of ${name} selects ${cluster}: ${placed.unselected.get(cluster) ?? "none names it"}`,
  });
  const held = heldRemovals(deps, planned.put);
  const wide = holdWideChanges(deps, name, certainly(planned, held));
  const put = planned.put.filter((record) => !held.has(record) && !wide.has(record.cluster));
  const selected = variants.some((variant) => variant.clusters.length > 0);
  const noTargets = selected ? "" : explain(placements, world.placeable(), name);
  describePlacement(deps, name, variants, { held: new Set([...held, ...unclear.values()]), noTargets });
  const released = releaseByStrategy(deps, {
    app: name,
    content: () => contentOfApplication(application, placements, renders.values()),
    revision: content.revision,
    authors: content.authors,
    variants,
    strategies: placed.strategies,
    clusters: targets.map(({ cluster }) => cluster).filter((cluster) => !wide.has(cluster)),
    certain: kept.size + held.size + wide.size === 0,
    put,
    nowMs,
  });
  write(deps, name, { ...released, changes: planned.changes, blobs: bundled.blobs });
  return released.wakeAtMs;
}

interface Write extends Plan {
  readonly rollouts?: readonly Rollout[];
  readonly blobs: Bundled["blobs"];
}

function write(deps: ApplicationDeps, name: string, { put, changes, rollouts = [], blobs }: Write): void {
  if (put.length === 0) {
    // What a rollout is to release later, when Git has moved on, has to be there by then.
    const isNeeded = rollouts.some(({ rest }) => rest !== undefined);
    if (isNeeded) deps.store.assign({ put, forget: [], blobs: blobs(), rollouts });
    else deps.store.putRollouts(rollouts);
    return;
  }
  const before = new Map(put.map((record) => [record.cluster, deps.store.target(record)?.bundle]));
  deps.store.assign({ put, forget: [], blobs: blobs(), rollouts });
  for (const { cluster, bundle, removal } of put) {
    const from = before.get(cluster);
    if (from !== undefined && from !== bundle && removal === "") deps.news.note(cluster, { from, to: bundle });
  }
  deps.changed(put.map((record) => record.cluster));
  for (const record of put) deps.world.assess(record);
  deps.log.info({ application: name, commit: put[0]?.commit, targets: put.length }, "targets assigned");
  const decided = new Set(put.map((record) => record.cluster));
  const count = (kind: PlannedChange["kind"]): number =>
    changes.filter((change) => change.kind === kind && decided.has(change.cluster)).length;
  const message = `${name}: ${count("add")} added, ${count("change")} changed, ${count("remove")} to remove`;
  deps.events.append({ type: "assigned", app: name, cluster: "", message });
}

/** The application is not declared any more: its targets are to be removed, if that is certain. */
function retire(deps: ApplicationDeps, name: string): void {
  const { store, world, clock } = deps;
  const removal = ({ declaredIn }: TargetRecord): string =>
    `application ${name} is no longer declared in ${declaredIn.join(", ")}`;
  const planned = plan([], store.targetsOf(name), { now: clock.now(), removal });
  const held = heldRemovals(deps, planned.put);
  const wide = holdWideChanges(deps, name, certainly(planned, held));
  const put = planned.put.filter((record) => !held.has(record) && !wide.has(record.cluster));
  write(deps, name, { put, changes: planned.changes, blobs: () => new Map() });
  if (held.size > 0) {
    const message = `nothing that was read declares ${name}; ${held.size} targets are kept: ${explainHeld(deps, held)}`;
    world.setApplication(name, {}, { type: "Placed", status: "False", reason: "RemovalHeld", message });
  } else if (store.targetsOf(name).length > 0) {
    const message = `nothing declares ${name} any more: its targets are to be removed`;
    world.setApplication(name, {}, { type: "Placed", status: "True", reason: "Retired", message });
  } else {
    for (const rollout of store.rolloutsOf(name)) store.deleteRollout(rollout);
    world.setRollouts(name, []);
    world.applications.delete(name);
  }
}

/** What is held because it is not certain need not be confirmed. */
function certainly({ changes }: Plan, held: ReadonlySet<TargetRecord>): Pick<Plan, "changes"> {
  const clusters = new Set([...held].map(({ cluster }) => cluster));
  return { changes: changes.filter(({ cluster }) => !clusters.has(cluster)) };
}

/** Removals that are not certain, since a repository that they hang on was not read, or not whole, or that are paused. */
function heldRemovals(deps: ApplicationDeps, put: readonly TargetRecord[]): ReadonlySet<TargetRecord> {
  const whole = (repository: string): boolean => doubtAbout(deps, repository) === undefined;
  const isHeld = (record: TargetRecord): boolean =>
    pauseOf(deps, record) !== undefined || !record.declaredIn.every(whole);
  return new Set(put.filter((record) => record.removal !== "" && isHeld(record)));
}

/** A person who pauses an application's rollout wants nothing of it to change, so nothing goes either (E39). */
function pauseOf({ store }: ApplicationDeps, { app }: Pick<TargetRecord, "app">): string | undefined {
  const isPaused = store.rolloutsOf(app).some(({ stopped }) => stopped === "paused");
  return isPaused ? `its rollout is paused: drover rollout resume ${app}` : undefined;
}

/** Why what a repository does not say proves nothing; undefined when it was read whole. */
function doubtAbout({ store, world }: ApplicationDeps, repository: string): string | undefined {
  const catalog = world.catalogs.get(repository);
  if (store.source(repository) === undefined) return `source ${repository} is not registered any more`;
  if (catalog === undefined) return `source ${repository} has not been read since the hub started`;
  return hasError(catalog.problems) ? `source ${repository} has files with errors` : undefined;
}

function explainHeld(deps: ApplicationDeps, held: ReadonlySet<TargetRecord>): string {
  const repositories = new Set([...held].flatMap((record) => record.declaredIn));
  const pauses = new Set([...held].map((record) => pauseOf(deps, record)));
  const doubts = [...pauses, ...[...repositories].map((repository) => doubtAbout(deps, repository))];
  return doubts.filter((doubt) => doubt !== undefined).join("; ");
}

/** The repositories that a target of the application hangs on: what any of them says may change it. */
function declaring(
  { world }: ApplicationDeps,
  { repository }: Application,
  placements: readonly Placement[],
): (cluster: string) => readonly string[] {
  const common = [repository, ...placements.map((placement) => placement.repository)];
  return (cluster) => {
    const declared = world.catalogs.declaredCluster(cluster);
    return [...new Set(declared === undefined ? common : [...common, declared.repository])].toSorted();
  };
}

/**
 * Targets by cluster that hung on a repository which says nothing of them any more, and was not read whole: what it said
 * of their cluster may be missing only here, and with it the labels that overrides hang on. They stay as they are.
 */
function unclearTargets(
  deps: ApplicationDeps,
  records: readonly TargetRecord[],
  declaredIn: (cluster: string) => readonly string[],
): ReadonlyMap<string, TargetRecord> {
  const unclear = records.filter((record) => {
    const now = declaredIn(record.cluster);
    return record.declaredIn.some(
      (repository) => !now.includes(repository) && doubtAbout(deps, repository) !== undefined,
    );
  });
  return new Map(unclear.map((record) => [record.cluster, record]));
}

interface Targeted {
  readonly application: Application;
  readonly variant: Desired["variants"][number];
  readonly content: Content;
}

function toTarget(
  { application, variant, content }: Targeted,
  { cluster, declaredIn }: Pick<DesiredTarget, "cluster" | "declaredIn">,
): DesiredTarget {
  return {
    app: application.name,
    cluster,
    declaredIn,
    bundle: variant.bundle,
    objects: variant.objects,
    repository: application.source.repository,
    commit: content.revision,
    namespace: variant.namespace ?? application.namespace,
    createNamespace: application.sync.createNamespace,
    prune: application.sync.prune,
    sync: application.sync.options,
    deletion: application.sync.deletion,
    seenAtMs: content.seenAtMs,
  };
}

function describePlacement(
  deps: ApplicationDeps,
  name: string,
  variants: Desired["variants"],
  { held, noTargets }: { readonly held: ReadonlySet<TargetRecord>; readonly noTargets: string },
): void {
  const problems = uniqueProblems([...deps.world.application(name).problems, ...variants.flatMap((v) => v.problems)]);
  const failed = variants.find((variant) => hasError(variant.problems));
  const error = failed?.problems.find((problem) => problem.severity === "error");
  const waiting = variants.find((variant) => variant.waiting !== undefined);
  const wait = waiting === undefined ? "" : `${listNames(waiting.clusters)}: ${waiting.waiting}`;
  const change = { problems, noTargets: noTargets || wait };
  const set = (status: Condition["status"], reason: string, message: string): void =>
    deps.world.setApplication(name, change, { type: "Placed", status, reason, message });
  if (failed !== undefined && error !== undefined) {
    set("False", "OverrideFailed", `${listNames(failed.clusters)}: ${formatProblem(error)}`);
  } else if (held.size > 0)
    set("False", "RemovalHeld", `${held.size} targets stay as they are: ${explainHeld(deps, held)}`);
  else if (noTargets !== "") set("False", "NoTargets", noTargets);
  else if (wait !== "") set("Unknown", "WaitingForCluster", wait);
  else set("True", "Placed", "");
}

function explain(
  placements: readonly Placement[],
  clusters: Parameters<typeof explainNoTargets>[1],
  name: string,
): string {
  return placements.length === 0 ? `no placement names ${name}` : explainNoTargets(placements, clusters);
}

function hasError(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
