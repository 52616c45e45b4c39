import { shortRevision } from "@drover/shared/api/revision";
import type * as api from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";
import { redactCredentials } from "@drover/shared/errors";
import { formatObjectKey } from "@drover/shared/kube/manifest";
import { maxReportedObjects, noStanding, type Standing } from "@drover/shared/link/link";
import type { Problem } from "@drover/shared/problems";
import { compareStates, type TargetState } from "@drover/shared/state";

import { historyType } from "../controllers/history.ts";
import type { SourceStatus, World } from "../controllers/world.ts";
import type { Application } from "../core/application.ts";
import { expiryProblem } from "../core/credential-expiry.ts";
import type { Enrolment } from "../core/enrolment.ts";
import { formatPackage } from "../core/package.ts";
import { formerFacts } from "../core/settle-facts.ts";
import { countCurrent, rollUp } from "../core/status.ts";
import type { TargetRecord } from "../core/target.ts";
import { describeKey } from "../source/ssh/ssh-keys.ts";
import type { ClusterRecord, ObservedRecord, SourceRecord, Store } from "../store/store.ts";
import { rolloutView } from "./rollout-intents.ts";

/** The API's resources, put together from the store and from what the hub knows besides. Cheap: reads of memory only. */
export interface Views {
  clusters(): readonly api.Cluster[];
  cluster(name: string): api.Cluster | undefined;
  targets(): readonly api.Target[];
  target(app: string, cluster: string): api.TargetDetail | undefined;
  applications(): readonly api.Application[];
  application(name: string): api.ApplicationDetail | undefined;
  sources(): readonly api.Source[];
  source(name: string): api.SourceDetail | undefined;
}

export interface ViewsDeps {
  readonly store: Store;
  readonly world: World;
  readonly clock: Clock;
}

export function createViews({ store, world, clock }: ViewsDeps): Views {
  const expiry = (credential: string): Problem | undefined => {
    const record = store.credential(credential);
    return record === undefined ? undefined : expiryProblem(record, clock.now());
  };
  const appNames = (): readonly string[] =>
    [...new Set([...world.catalogs.applicationNames(), ...store.applications()])].toSorted();
  return {
    clusters: () =>
      store
        .clusters()
        .map((record) => clusterView(store, world, record))
        .toSorted(worstFirst),
    cluster(name) {
      const record = store.cluster(name);
      return record === undefined ? undefined : clusterView(store, world, record);
    },
    targets: () =>
      store
        .applications()
        .flatMap((app) => store.targetsOf(app))
        .map((record) => targetView(store, world, record))
        .toSorted(
          (a, b) => compareStates(a.state, b.state) || compareText(a.app, b.app) || compareText(a.cluster, b.cluster),
        ),
    target(app, cluster) {
      const record = store.target({ app, cluster });
      return record === undefined ? undefined : targetDetail(store, world, record);
    },
    applications: () =>
      appNames()
        .map((name) => applicationView(store, world, name))
        .toSorted(worstFirst),
    application(name) {
      if (!appNames().includes(name)) return undefined;
      const detail = applicationDetail(store, world, name);
      const ending = expiry(world.catalogs.applications(name)[0]?.source.package?.credential ?? "");
      return ending === undefined ? detail : { ...detail, problems: [...detail.problems, ending] };
    },
    sources: () =>
      store
        .sources()
        .map((record) => sourceView(world, record, expiry(record.credential)))
        .toSorted(worstFirst),
    source(name) {
      const record = store.source(name);
      if (record === undefined) return undefined;
      const { conditions, problems } = world.source(name);
      const hostKeys = record.hostKeys.map((key) => describeKey(key));
      const signers = record.signers.map(({ name: signer, fingerprint }) => `${signer} ${fingerprint}`);
      const ending = expiry(record.credential);
      const all = ending === undefined ? [...problems] : [...problems, ending];
      return { ...sourceView(world, record, ending), conditions: [...conditions], problems: all, hostKeys, signers };
    },
  };
}

function clusterView(store: Store, world: World, record: ClusterRecord): api.Cluster {
  const connection = world.connections.get(record.name);
  const targets = store.targetsOn(record.name).map((target) => targetView(store, world, target));
  const { state, current, total } = rollUp(
    targets.map((target) => target.state),
    "current",
  );
  const worst = targets.find((target) => target.state === state);
  const own =
    leavingState(record, targets.length, connection !== undefined) ??
    ownClusterState(record, store.enrolments.get(record.name), connection !== undefined);
  return {
    name: record.name,
    uid: record.uid,
    state: own?.state ?? state,
    reason: own?.reason ?? (state === "current" ? "" : `${worst?.app}: ${worst?.reason}`),
    since: own === undefined ? (worst?.since ?? connection?.sinceMs ?? 0) : record.seenAtMs,
    labels: world.labels(record.name, record.labels),
    applications: { current, total },
    drifted: targets.filter((target) => target.drifted > 0).length,
    connected: connection !== undefined,
    seen: record.seenAtMs,
    cordoned: world.cordon(record),
    standing: standingView(connection?.hello.standing),
    ...record.facts,
    settled: formerFacts(record),
  };
}

function leavingState(
  { leaving }: ClusterRecord,
  targets: number,
  connected: boolean,
): { state: TargetState; reason: string } | undefined {
  if (!leaving) return undefined;
  const what = targets === 1 ? "1 application" : `${targets} applications`;
  return { state: "deleting", reason: `uninstalls ${what}${connected ? "" : " when its agent is back"}` };
}

function standingView({ staleSinceMs, policy, frozen }: Standing = noStanding): api.Cluster["standing"] {
  return { staleSince: staleSinceMs, policy, frozen };
}

function ownClusterState(
  record: ClusterRecord,
  enrolment: Enrolment | undefined,
  connected: boolean,
): { state: TargetState; reason: string } | undefined {
  if (record.uid === "") return { state: "pending", reason: "its agent has not joined yet" };
  if (enrolment?.candidate !== undefined) {
    return { state: "pending", reason: `an agent waits to be accepted: ${enrolment.candidate.reason}` };
  }
  if (enrolment?.state === "revoked") return { state: "offline", reason: `revoked: ${enrolment.reason}` };
  if (enrolment?.state === "locked") return { state: "degraded", reason: `locked: ${enrolment.reason}` };
  return connected ? undefined : { state: "offline", reason: "its agent is not connected" };
}

function targetView(store: Store, world: World, record: TargetRecord): api.Target {
  const { app, cluster, bundle } = record;
  const observed = store.observed(record) ?? notObserved(record);
  // What waits for its turn is not at the newest commit, whatever that changes.
  const newest = world.waiting(record) === "" ? world.application(app).commit : "";
  const revision = newest || record.commit;
  return {
    app,
    cluster,
    state: observed.state,
    revision,
    reason: observed.reason,
    message: observed.message,
    since: observed.sinceMs,
    bundle,
    ...reportView(record, observed, revision),
  };
}

function notObserved(record: TargetRecord): ObservedRecord {
  const { app, cluster, assignedAtMs } = record;
  const state = { state: "pending", reason: "NotObserved", message: "" } as const;
  return { app, cluster, report: undefined, ...state, sinceMs: assignedAtMs, observedAtMs: 0 };
}

function reportView(
  record: TargetRecord,
  { report, observedAtMs }: ObservedRecord,
  revision: string,
): Pick<api.Target, "appliedRevision" | "objects" | "drifted" | "timings"> {
  const timings = {
    seen: record.seenAtMs,
    assigned: record.assignedAtMs,
    received: 0,
    applied: 0,
    observed: observedAtMs,
  };
  if (report === undefined) {
    return { appliedRevision: "", objects: { current: 0, total: record.objects }, drifted: 0, timings };
  }
  return {
    appliedRevision: report.applied === record.bundle ? revision : report.commit,
    objects: { current: countCurrent(report, record.objects), total: record.objects },
    drifted: report.objects.filter((object) => object.drift?.repaired === false).length,
    timings: { ...timings, received: report.receivedAtMs, applied: report.appliedAtMs },
  };
}

function targetDetail(store: Store, world: World, record: TargetRecord): api.TargetDetail {
  const observed = store.observed(record);
  const placements = world.catalogs.placementsOf(record.app);
  const heldPrune = observed?.report?.heldPrune;
  return {
    ...targetView(store, world, record),
    placement: placements.map((p) => `${p.name} (${p.at.file}:${p.at.line})`).join(", "),
    overrides: [...world.overrides(record)],
    conditions: [...world.application(record.app).conditions],
    items: itemsOf(observed),
    ...(heldPrune === undefined ? {} : { heldPrune: { ...heldPrune } }),
  };
}

function itemsOf(observed: ObservedRecord | undefined): api.TargetDetail["items"] {
  return (observed?.report?.objects ?? []).map(({ key, apply, health, reason, message, drift }) => {
    const item = { object: formatObjectKey(key), apply, health, reason, message };
    if (drift === undefined) return item;
    const { paths, by, foundAtMs, repaired } = drift;
    return { ...item, drift: { paths: [...paths], by, found: foundAtMs, repaired } };
  });
}

function applicationView(store: Store, world: World, name: string): api.Application {
  const [declaration] = world.catalogs.applications(name);
  const { conditions, commit, noTargets } = world.application(name);
  const records = store.targetsOf(name);
  const staying = records.filter((record) => record.removal === "");
  // An application that is gone from Git has only targets that are going; one that moves counts where it stays.
  const shown = declaration === undefined ? records : staying;
  const targets = shown.map((record) => targetView(store, world, record));
  const { state, current, total } = rollUp(
    targets.map((target) => target.state),
    "no-targets",
  );
  // The one that was found last: what fails keeps what was found after it from being looked at again.
  const broken = conditions.findLast((condition) => condition.status === "False" && condition.reason !== "NoTargets");
  const worst = targets.find((target) => target.state === state);
  return {
    name,
    state: broken === undefined ? state : "failed",
    reason: broken?.message ?? reasonOf(state, noTargets, worst),
    since: broken?.since ?? worst?.since ?? conditions[0]?.since ?? 0,
    targets: { current, total },
    revision: revisionView(world, commit, declaration),
    ...declarationView(declaration),
  };
}

/** The branch goes before a commit; a package says its version itself. */
function revisionView(world: World, commit: string, declaration: Application | undefined): string {
  if (commit === "" || declaration?.source.package !== undefined) return shortRevision(commit);
  return `${world.source(declaration?.source.repository ?? "").commit?.ref}@${shortRevision(commit)}`;
}

function declarationView(declaration: Application | undefined): Pick<api.Application, "source" | "declared"> {
  if (declaration === undefined) return { source: "", declared: "" };
  const { source, at } = declaration;
  const from = source.package === undefined ? `${source.repository}//${source.path}` : formatPackage(source.package);
  return { source: from, declared: `${at.file}:${at.line}` };
}

function reasonOf(state: TargetState, noTargets: string, worst: api.Target | undefined): string {
  if (state === "no-targets") return noTargets || "it is not worked out yet where it is to run";
  return worst === undefined || state === "current" ? "" : `${worst.cluster}: ${worst.message || worst.reason}`;
}

function applicationDetail(store: Store, world: World, name: string): api.ApplicationDetail {
  const { conditions, problems } = world.application(name);
  const states: Record<string, number> = {};
  const objects = new Set<string>();
  for (const record of store.targetsOf(name)) {
    const observed = store.observed(record);
    const state = observed?.state ?? "pending";
    states[state] = (states[state] ?? 0) + 1;
    for (const object of observed?.report?.objects ?? []) {
      if (objects.size >= maxReportedObjects) break;
      objects.add(formatObjectKey(object.key));
    }
  }
  const view = applicationView(store, world, name);
  const rollouts = (world.rollouts.get(name) ?? []).map((step) => rolloutView(step));
  const lists = { conditions: [...conditions], problems: [...problems], objects: [...objects].toSorted() };
  const held = world.application(name).wide.map(({ clusters, ...wide }) => ({ ...wide, clusters: clusters.length }));
  return { ...view, ...lists, states, rollouts, held };
}

function sourceView(world: World, record: SourceRecord, ending: Problem | undefined): api.Source {
  const status = world.source(record.name);
  const { commit, fetchedAtMs } = status;
  const applications = world.catalogs
    .applicationNames()
    .filter((name) => world.catalogs.applications(name)[0]?.repository === record.name).length;
  return {
    name: record.name,
    url: redactCredentials(record.url),
    credential: record.credential,
    ref: record.ref || (commit?.ref ?? ""),
    version: record.version,
    path: record.path,
    declaredIn: record.declaredIn,
    intervalSeconds: record.intervalSeconds,
    ...sourceState(status, ending),
    revision: commit?.id ?? "",
    fetched: fetchedAtMs,
    applications,
  };
}

/** A certificate that ends is told while all is well yet. */
function sourceState(
  { commit, conditions }: SourceStatus,
  ending: Problem | undefined,
): Pick<api.Source, "state" | "reason" | "since"> {
  // What a branch went through is told, but it is read.
  const broken = conditions.findLast(({ type, status }) => status === "False" && type !== historyType);
  const rewritten = conditions.find(({ type, status }) => status === "False" && type === historyType);
  const since = conditions[0]?.since ?? 0;
  if (broken !== undefined) return { state: "failed", reason: broken.message, since: broken.since };
  const reason = rewritten?.message ?? ending?.message ?? "";
  return { state: commit === undefined ? "pending" : "current", reason, since };
}

function worstFirst(a: { state: TargetState; name: string }, b: { state: TargetState; name: string }): number {
  return compareStates(a.state, b.state) || compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
