import { isDeepStrictEqual } from "node:util";

import { shortRevision } from "@drover/shared/api/revision";
import type { Condition } from "@drover/shared/conditions";
import { setCondition } from "@drover/shared/conditions";
import type { Hello, Report } from "@drover/shared/link/link";
import type { Problem } from "@drover/shared/problems";

import { Catalogs } from "../core/catalog.ts";
import type { PlaceableCluster } from "../core/cluster-selector.ts";
import { select } from "../core/desired.ts";
import { factLabels } from "../core/fact-labels.ts";
import { lackedFeatures } from "../core/features.ts";
import { overridesFor } from "../core/override.ts";
import type { PackageRef } from "../core/package.ts";
import type { WideChange } from "../core/reach.ts";
import { aheadOf } from "../core/recovery.ts";
import { isKubeVersion, type Capabilities } from "../core/render/chart.ts";
import type { Step } from "../core/rollout/rollout.ts";
import { assessTarget, type Assessment } from "../core/status.ts";
import type { TargetId, TargetRecord } from "../core/target.ts";
import type { Commit } from "../source/git/mirror.ts";
import type { WantedChart } from "../source/programs/chart-files.ts";
import type { FetchedPackage } from "../source/published/packages.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { ClusterRecord, SourceRecord, Store } from "../store/store.ts";
import { ApiLists } from "./api-lists.ts";
import type { EventLog } from "./event-log.ts";

export interface SourceStatus {
  readonly commit: Commit | undefined;
  readonly snapshot: Snapshot | undefined;
  /** As which it was read; undefined = not yet. */
  readonly readAs: Pick<SourceRecord, "path" | "declares"> | undefined;
  readonly fetchedAtMs: number;
  readonly seenAtMs: number;
  readonly conditions: readonly Condition[];
  readonly problems: readonly Problem[];
}

/** Of a reference to a package, after the first look at it. */
export interface PackageStatus {
  /** What could be fetched last. */
  readonly fetched: FetchedPackage | undefined;
  /** When the look began that found it. */
  readonly seenAtMs: number;
  /** Why the last look found nothing. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
}

export interface ApplicationStatus {
  /** Or what is in its place of a package. */
  readonly commit: string;
  readonly conditions: readonly Condition[];
  readonly problems: readonly Problem[];
  /** Why it runs nowhere; "" when it has targets. */
  readonly noTargets: string;
  /** What waits for a person because it is too wide. */
  readonly wide: readonly WideChange[];
}

export interface Connection {
  readonly hello: Hello;
  readonly sinceMs: number;
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
}

interface Placeable {
  /** What it was made from: all that is said of the cluster. */
  readonly from: readonly unknown[];
  readonly cluster: PlaceableCluster;
}

const noSource: SourceStatus = {
  commit: undefined,
  snapshot: undefined,
  readAs: undefined,
  fetchedAtMs: 0,
  seenAtMs: 0,
  conditions: [],
  problems: [],
};
const noApplication: ApplicationStatus = { commit: "", conditions: [], problems: [], noTargets: "", wide: [] };

/** What the hub knows besides its store. Everything here is read again from Git and from the agents after a restart. */
export class World {
  readonly catalogs = new Catalogs();
  readonly sources = new Map<string, SourceStatus>();
  /** By `packageKey`. */
  readonly packages = new Map<string, PackageStatus>();
  readonly apiLists: ApiLists;
  readonly applications = new Map<string, ApplicationStatus>();
  readonly connections = new Map<string, Connection>();
  #placeable: ReadonlyMap<string, Placeable> = new Map();
  /** By application: archives that its chart depends on and that are not in its repository. */
  readonly #dependencies = new Map<string, readonly WantedChart[]>();
  /** By application: how far its rollouts were when they were looked at last. */
  readonly rollouts = new Map<string, readonly Step[]>();
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #now: () => number;

  constructor(store: Store, events: EventLog, now: () => number) {
    this.#store = store;
    this.apiLists = new ApiLists(store);
    this.#events = events;
    this.#now = now;
  }

  /** Why a connected cluster is sent nothing; "" = it may be sent what the store says. */
  aheadOf(cluster: string): string {
    const hello = this.connections.get(cluster)?.hello;
    const record = this.#store.cluster(cluster);
    return hello === undefined || record === undefined ? "" : aheadOf(hello, this.#store.era, record);
  }

  source(name: string): SourceStatus {
    return this.sources.get(name) ?? noSource;
  }

  application(name: string): ApplicationStatus {
    return this.applications.get(name) ?? noApplication;
  }

  dependencies(app: string): readonly WantedChart[] {
    return this.#dependencies.get(app) ?? [];
  }

  /** Whether they are others than before. */
  setDependencies(app: string, charts: readonly WantedChart[]): boolean {
    const before = this.dependencies(app);
    if (charts.length === 0) this.#dependencies.delete(app);
    else this.#dependencies.set(app, charts);
    return !isDeepStrictEqual(before, charts);
  }

  /** What is fetched from outside of Git, by the application that names it or whose chart does. */
  *packageRefs(): Generator<readonly [string, PackageRef]> {
    yield* this.catalogs.packages();
    for (const [app, charts] of this.#dependencies) for (const { ref } of charts) yield [app, ref];
  }

  /** Replaces parts of a source's status; a condition that turns false is an event. */
  setSource(name: string, change: Partial<SourceStatus>, condition: Omit<Condition, "since">): void {
    const old = this.source(name);
    const conditions = setCondition(old.conditions, condition, this.#now());
    this.#announce(old.conditions, condition, { app: "", cluster: "" }, `source ${name}`);
    this.sources.set(name, { ...old, ...change, conditions });
  }

  setApplication(name: string, change: Partial<ApplicationStatus>, condition: Omit<Condition, "since">): void {
    const old = this.application(name);
    const conditions = setCondition(old.conditions, condition, this.#now());
    this.#announce(old.conditions, condition, { app: name, cluster: "" }, name);
    this.applications.set(name, { ...old, ...change, conditions });
  }

  /**
   * Clusters that placements choose from: all but those that leave, with the labels of people and, on top, those of Git and of their agents. One
   * that is as it was is the same value as before.
   */
  placeable(): readonly PlaceableCluster[] {
    const staying = this.#store.clusters().filter(({ leaving }) => !leaving);
    const now = staying.map((record) => this.#place(record));
    this.#placeable = new Map(now.map((one) => [one.cluster.name, one]));
    return now.map(({ cluster }) => cluster);
  }

  #place(record: ClusterRecord): Placeable {
    const { name, labels, settled, cordon, apis } = record;
    const declared = this.catalogs.declaredCluster(name);
    const from = [labels, settled, cordon, declared, apis === undefined ? undefined : this.apiLists.find(apis)];
    const before = this.#placeable.get(name);
    if (before?.from.every((value, index) => value === from[index]) === true) return before;
    const cluster = {
      name,
      labels: { ...this.labels(name, labels), ...factLabels(settled) },
      vars: declared?.vars ?? {},
      cordoned: this.cordon(record),
      capabilities: this.#capabilities(record),
    };
    const isEqual = before !== undefined && isDeepStrictEqual(before.cluster, cluster);
    return { from, cluster: isEqual ? before.cluster : cluster };
  }

  #capabilities({ settled, apis: digest }: ClusterRecord): Capabilities {
    const { kubernetesVersion } = settled;
    const apis = digest === undefined ? undefined : this.apiLists.find(digest);
    return {
      ...(isKubeVersion(kubernetesVersion) ? { kubeVersion: kubernetesVersion } : {}),
      ...(apis === undefined ? {} : { apis }),
    };
  }

  /** Why a cluster takes no application that it does not have; "" when it does. */
  cordon({ name, cordon }: ClusterRecord): string {
    const declared = this.catalogs.declaredCluster(name);
    return declared?.cordoned === true ? `it is cordoned at ${declared.at.file}:${declared.at.line}` : cordon;
  }

  labels(cluster: string, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return { ...given, ...this.catalogs.declaredCluster(cluster)?.labels };
  }

  /** The clusters that have an application, or are to get it. */
  running(app: string): ReadonlySet<string> {
    return new Set(this.#store.targetsOf(app).flatMap(({ removal, cluster }) => (removal === "" ? [cluster] : [])));
  }

  /** The overrides that apply to a target, as `file:line`, in order. */
  overrides({ app, cluster }: TargetId): readonly string[] {
    const placements = this.catalogs.placementsOf(app);
    const selection = select(placements, this.placeable(), this.running(app)).selected.get(cluster);
    if (selection === undefined) return [];
    return overridesFor(selection.placements, selection.cluster).map(({ at }) => `${at.file}:${at.line}`);
  }

  /** Targets that wait now, or do not any more, say so. */
  setRollouts(app: string, steps: readonly Step[]): void {
    const before = this.rollouts.get(app) ?? [];
    if (steps.length === 0) this.rollouts.delete(app);
    else this.rollouts.set(app, steps);
    const clusters = new Set([...before, ...steps].flatMap(({ waiting }) => [...waiting.keys()]));
    for (const cluster of clusters) {
      if (waitingOf(before, cluster) !== waitingOf(steps, cluster)) this.assess({ app, cluster });
    }
  }

  /** Applications whose rollouts may go on when this cluster connects or goes. */
  rollingOn(cluster: string): readonly string[] {
    return [...this.rollouts].flatMap(([app, steps]) =>
      steps.some((step) => step.rollout.pinned[cluster] !== undefined && isOpen(step, cluster)) ? [app] : [],
    );
  }

  /** Why a target does not get what Git has for it yet; "" = it has it. */
  waiting({ app, cluster }: TargetId): string {
    return waitingOf(this.rollouts.get(app) ?? [], cluster);
  }

  isRolling(app: string): boolean {
    return (this.rollouts.get(app) ?? []).some(({ phase }) => phase !== "Complete");
  }

  /** Works out the state of a target again, after anything that it depends on has changed; whether it is another one. */
  assess(id: TargetId, report?: Report): boolean {
    const target = this.#store.target(id);
    if (target === undefined) return false;
    const old = this.#store.observed(id);
    const newest = report ?? old?.report;
    const assessment = this.#assessment(target, newest);
    const now = this.#now();
    const same = old !== undefined && old.state === assessment.state && old.reason === assessment.reason;
    const observedAtMs = report === undefined ? (old?.observedAtMs ?? 0) : now;
    this.#store.observe({ ...id, report: newest, ...assessment, sinceMs: same ? old.sinceMs : now, observedAtMs });
    if (same || isQuiet(assessment) || old?.state === "offline") return !same;
    const message = assessment.message || `at ${shortRevision(target.commit)}`;
    this.#events.append({ type: assessment.state, ...id, message });
    return true;
  }

  #assessment(target: TargetRecord, report: Report | undefined): Assessment {
    const connection = this.connections.get(target.cluster);
    return assessTarget({
      target,
      lacked: lackedFeatures(target.sync, connection?.hello.features),
      report,
      waiting: this.waiting(target),
      joined: this.#store.cluster(target.cluster)?.uid !== "",
      connected: connection !== undefined,
      refusal: connection?.refusal,
      ahead: this.aheadOf(target.cluster),
    });
  }

  #announce(
    old: readonly Condition[],
    next: Omit<Condition, "since">,
    id: { readonly app: string; readonly cluster: string },
    subject: string,
  ): void {
    // Waiting is no event: what it waits for is one.
    if (next.status === "Unknown") return;
    const before = old.find((condition) => condition.type === next.type);
    if (next.status === "True" ? before?.status !== "False" : before?.message === next.message) return;
    const type = next.status === "True" ? "recovered" : "problem";
    this.#events.append({ type, ...id, message: `${subject}: ${next.message || next.reason}` });
  }
}

function waitingOf(steps: readonly Step[], cluster: string): string {
  return steps.map(({ waiting }) => waiting.get(cluster) ?? "").find((why) => why !== "") ?? "";
}

function isOpen({ phase, waiting }: Step, cluster: string): boolean {
  return phase !== "Complete" || waiting.has(cluster);
}

/** What is no event of its own: a cluster that comes or goes is one event, not one for each of its targets. */
function isQuiet({ state, reason }: Assessment): boolean {
  return state === "offline" || reason === "Distributing";
}
