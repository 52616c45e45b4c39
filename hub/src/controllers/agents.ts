import type { Clock } from "@drover/shared/clock";
import { canonicalJson, type Digest } from "@drover/shared/digest";
import type { Feature } from "@drover/shared/link/features";
import { noStanding, type Hello, type HubLinkHandler, type Report, type Standing } from "@drover/shared/link/link";
import { digestOfReports } from "@drover/shared/link/reported";
import type { Logger } from "@drover/shared/log";

import { knownFeatures, lackedFeatures } from "../core/features.ts";
import { ReportOrder } from "../core/report-order.ts";
import { hearFacts } from "../core/settle-facts.ts";
import type { TargetRecord } from "../core/target.ts";
import type { ClusterRecord, Store } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import type { EventLog } from "./event-log.ts";
import type { Inspections } from "./inspections.ts";
import type { World } from "./world.ts";

export interface AgentsDeps {
  readonly store: Store;
  readonly world: World;
  readonly blobs: Pick<Blobs, "read">;
  readonly inspections: Inspections;
  readonly enrollment: Pick<HubLinkHandler, "admit" | "holds" | "enroll" | "renew">;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asks for this cluster's assignments to be sent. */
  readonly send: (cluster: string) => void;
  /** Asks for a look at the list of APIs that an agent names. */
  readonly listNamed: (digest: Digest) => void;
  /** An agent says something else of its cluster than before: placements may choose by it. */
  readonly factsChanged: () => void;
  /** Nothing is left to remove there, perhaps. */
  readonly left: (cluster: string) => void;
  /** A rollout of these may go on. */
  readonly rolling: (apps: readonly string[]) => void;
}

/** What the hub does with what agents say. */
export function createAgents(deps: AgentsDeps): HubLinkHandler {
  const { store, world, clock, events, log } = deps;
  const order = new ReportOrder();
  const assessAll = (cluster: string): void => {
    for (const target of store.targetsOn(cluster)) world.assess(target);
    deps.rolling(world.rollingOn(cluster));
  };
  return {
    connected(cluster, hello) {
      const reconnected = world.connections.has(cluster);
      world.connections.set(cluster, { hello, sinceMs: clock.now(), refusal: undefined });
      order.begin(cluster);
      hear(deps, cluster, hello);
      announceStanding(deps, cluster, { before: undefined, now: hello.standing });
      if (!reconnected) {
        const version = store.cluster(cluster)?.facts.agentVersion;
        events.append({ type: "connected", app: "", cluster, message: `agent ${version} connected` });
      }
      assessAll(cluster);
      deps.send(cluster);
      const reportsKnown = knowsReports(deps, cluster, hello);
      deps.left(cluster);
      return { reportsKnown };
    },
    introduced(cluster, hello) {
      const connection = world.connections.get(cluster);
      if (connection !== undefined) world.connections.set(cluster, { ...connection, hello });
      hear(deps, cluster, hello);
      announceStanding(deps, cluster, { before: connection?.hello.standing, now: hello.standing });
      // What it refused while it was frozen it takes now.
      if (connection?.hello.standing?.frozen === true && hello.standing?.frozen !== true) deps.send(cluster);
    },
    acknowledged(cluster, { generation, refusal }) {
      const connection = world.connections.get(cluster);
      if (connection === undefined) return;
      store.touchCluster(cluster, { seenAtMs: clock.now() });
      if (refusal?.code === connection.refusal?.code) return;
      world.connections.set(cluster, { ...connection, refusal });
      if (refusal !== undefined) log.warn({ cluster, generation, code: refusal.code }, "assignments refused");
      assessAll(cluster);
    },
    reported(cluster, report) {
      store.touchCluster(cluster, { seenAtMs: clock.now() });
      observe(deps, order, { cluster, report });
    },
    inspected: (cluster, inspection) => deps.inspections.answered(cluster, inspection),
    disconnected(cluster, { reason }) {
      order.end(cluster);
      if (!world.connections.delete(cluster)) return;
      events.append({ type: "disconnected", app: "", cluster, message: `agent disconnected: ${reason}` });
      assessAll(cluster);
    },
    blob: (cluster, digest) => deps.blobs.read(cluster, digest),
    ...deps.enrollment,
  };
}

/** Whether the store has, of all applications of a cluster, what its agent would report now. */
function knowsReports({ store }: AgentsDeps, cluster: string, { reported }: Hello): boolean {
  if (reported === undefined) return false;
  const known = store.targetsOn(cluster).flatMap((id) => store.observed(id)?.report ?? []);
  return reported === digestOfReports(known.map(({ application, digest }) => [application, digest]));
}

/** An agent from before the store was lost need not join again: its certificate, by keys that are still there, says who it is. */
function adopt({ store, events }: AgentsDeps, record: ClusterRecord, { clusterUid, epoch }: Hello): void {
  if (record.uid !== "" || clusterUid === "" || epoch === "" || epoch === store.era.epoch) return;
  const { name } = record;
  store.putCluster({ ...record, uid: clusterUid });
  events.append({ type: "joined", app: "", cluster: name, message: `${name} came back, with what it runs` });
}

function hear(deps: AgentsDeps, cluster: string, hello: Hello): void {
  const { store, clock } = deps;
  const record = store.cluster(cluster);
  if (record === undefined) return;
  adopt(deps, record, hello);
  const now = clock.now();
  const heard = hearFacts(record, hello, now);
  const understood = knownFeatures(hello.features);
  reconsider(deps, record, understood);
  store.touchCluster(cluster, { seenAtMs: now, ...heard, features: understood });
  if (canonicalJson(heard.facts) !== canonicalJson(record.facts)) deps.factsChanged();
  if (hello.apis !== undefined && hello.apis !== record.apis) deps.listNamed(hello.apis);
}

/**
 * What its agent did not understand and does by now, or the other way round, is decided once more: one generation never means
 * two things, and what an agent has accepted is not sent again. Nothing of this is for one that is ahead of the store.
 */
function reconsider({ store, world }: AgentsDeps, { name, features }: ClusterRecord, now: readonly Feature[]): void {
  if (world.aheadOf(name) !== "") return;
  const isHeld = ({ sync }: TargetRecord, understood: readonly Feature[] | undefined): boolean =>
    lackedFeatures(sync, understood).length > 0;
  const put = store
    .targetsOn(name)
    .filter((target) => target.removal === "" && isHeld(target, features) !== isHeld(target, now));
  if (put.length > 0) store.assign({ put, forget: [], blobs: new Map() });
}

/** That an agent is stale or frozen, or is so no more, is an event. */
function announceStanding(
  { events }: AgentsDeps,
  cluster: string,
  {
    before = noStanding,
    now = noStanding,
  }: { readonly before: Standing | undefined; readonly now: Standing | undefined },
): void {
  const say = (type: string, message: string): void => events.append({ type, app: "", cluster, message });
  const [wasStale, isStale] = [before.staleSinceMs > 0, now.staleSinceMs > 0];
  if (isStale && !wasStale)
    say("stale", `${cluster} has had no beat of this hub in time: it heals, and deletes nothing`);
  if (wasStale && !isStale) say("fresh", `${cluster} has beats of this hub again`);
  if (now.frozen && !before.frozen) say("frozen", `the policy of ${cluster} lets it take nothing new`);
  if (before.frozen && !now.frozen) say("unfrozen", `the policy of ${cluster} is no freeze any more`);
}

function observe(
  deps: AgentsDeps,
  order: ReportOrder,
  { cluster, report }: { readonly cluster: string; readonly report: Report },
): void {
  const { store, world } = deps;
  const id = { app: report.application, cluster };
  const target = store.target(id);
  if (target === undefined || !order.take(cluster, report)) return;
  const old = store.observed(id)?.report;
  if (
    target.removal !== "" &&
    report.phase === "removed" &&
    report.epoch === store.era.epoch &&
    report.generation >= (store.cluster(cluster)?.generation ?? 0)
  ) {
    store.assign({ put: [], forget: [id], blobs: new Map() });
    deps.events.append({ type: "removed", ...id, message: describeRemoved(cluster, report) });
    deps.send(cluster);
    deps.left(cluster);
    return;
  }
  announceDrift(deps, id, old, report);
  if (world.assess(id, report) && world.isRolling(id.app)) deps.rolling([id.app]);
}

function describeRemoved(cluster: string, { application, reason, message }: Report): string {
  return `${application} was removed from ${cluster}${reason === "HooksUnknown" ? `: ${message}` : ""}`;
}

/** A drift that was found since the last report is an event, also when it is repaired by now. */
function announceDrift(
  deps: AgentsDeps,
  id: { readonly app: string; readonly cluster: string },
  old: Report | undefined,
  report: Report,
): void {
  const known = new Set(
    old?.objects.map(({ key, drift }) => `${key.kind} ${key.namespace} ${key.name} ${drift?.foundAtMs}`),
  );
  const drifts = report.objects.filter(
    ({ key, drift }) =>
      drift !== undefined && !known.has(`${key.kind} ${key.namespace} ${key.name} ${drift.foundAtMs}`),
  );
  for (const { key, drift } of drifts.slice(0, 5)) {
    const what = `${key.kind} ${key.namespace === "" ? "" : `${key.namespace}/`}${key.name}`;
    const paths = drift?.paths.slice(0, 5).join(", ") || "object";
    const type = drift?.repaired === true ? "repaired" : "drift";
    deps.events.append({ type, ...id, message: `${what}: ${paths} changed by ${drift?.by || "somebody"}` });
  }
}
