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
import { overridesFor } from "../core/override.ts";
import { assessTarget, type Assessment } from "../core/status.ts";
import type { TargetId, TargetRecord } from "../core/target.ts";
import type { Commit } from "../source/mirror.ts";
import type { FetchedPackage } from "../source/packages.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { ClusterRecord, SourceRecord, Store } from "../store/store.ts";
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
const noApplication: ApplicationStatus = { commit: "", conditions: [], problems: [], noTargets: "" };

/** What the hub knows besides its store. Everything here is read again from Git and from the agents after a restart. */
export class World {
  readonly catalogs = new Catalogs();
  readonly sources = new Map<string, SourceStatus>();
  /** By `packageKey`. */
  readonly packages = new Map<string, PackageStatus>();
  readonly applications = new Map<string, ApplicationStatus>();
  readonly connections = new Map<string, Connection>();
  #placeable: ReadonlyMap<string, Placeable> = new Map();
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #now: () => number;

  constructor(store: Store, events: EventLog, now: () => number) {
    this.#store = store;
    this.#events = events;
    this.#now = now;
  }

  source(name: string): SourceStatus {
    return this.sources.get(name) ?? noSource;
  }

  application(name: string): ApplicationStatus {
    return this.applications.get(name) ?? noApplication;
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
   * Clusters that placements choose from, with the labels of people and, on top, those of Git and of their agents. One
   * that is as it was is the same value as before.
   */
  placeable(): readonly PlaceableCluster[] {
    const now = this.#store.clusters().map((record) => this.#place(record));
    this.#placeable = new Map(now.map((one) => [one.cluster.name, one]));
    return now.map(({ cluster }) => cluster);
  }

  #place(record: ClusterRecord): Placeable {
    const { name, labels, facts, cordon } = record;
    const declared = this.catalogs.declaredCluster(name);
    const from = [labels, facts, cordon, declared];
    const before = this.#placeable.get(name);
    if (before?.from.every((value, index) => value === from[index]) === true) return before;
    const all = { ...this.labels(name, labels), ...factLabels(facts) };
    const cluster = { name, labels: all, vars: declared?.vars ?? {}, cordoned: this.cordon(record) };
    const isEqual = before !== undefined && isDeepStrictEqual(before.cluster, cluster);
    return { from, cluster: isEqual ? before.cluster : cluster };
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

  /** Works out the state of a target again, after anything that it depends on has changed. */
  assess(id: TargetId, report?: Report): void {
    const target = this.#store.target(id);
    if (target === undefined) return;
    const old = this.#store.observed(id);
    const newest = report ?? old?.report;
    const assessment = this.#assessment(target, newest);
    const now = this.#now();
    const same = old !== undefined && old.state === assessment.state && old.reason === assessment.reason;
    const observedAtMs = report === undefined ? (old?.observedAtMs ?? 0) : now;
    this.#store.observe({ ...id, report: newest, ...assessment, sinceMs: same ? old.sinceMs : now, observedAtMs });
    if (same || isQuiet(assessment) || old?.state === "offline") return;
    const message = assessment.message || `at ${shortRevision(target.commit)}`;
    this.#events.append({ type: assessment.state, ...id, message });
  }

  #assessment(target: TargetRecord, report: Report | undefined): Assessment {
    const connection = this.connections.get(target.cluster);
    return assessTarget({
      target,
      report,
      joined: this.#store.cluster(target.cluster)?.uid !== "",
      connected: connection !== undefined,
      refusal: connection?.refusal,
    });
  }

  #announce(
    old: readonly Condition[],
    next: Omit<Condition, "since">,
    id: { readonly app: string; readonly cluster: string },
    subject: string,
  ): void {
    const before = old.find((condition) => condition.type === next.type);
    if (next.status === "True" ? before?.status !== "False" : before?.message === next.message) return;
    const type = next.status === "True" ? "recovered" : "problem";
    this.#events.append({ type, ...id, message: `${subject}: ${next.message || next.reason}` });
  }
}

/** What is no event of its own: a cluster that comes or goes is one event, not one for each of its targets. */
function isQuiet({ state, reason }: Assessment): boolean {
  return state === "offline" || reason === "Distributing";
}
