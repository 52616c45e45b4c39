import { randomUUID } from "node:crypto";
import { join } from "node:path";

import type { Clock } from "@drover/shared/clock";
import { createController } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import type { Fingerprint } from "@drover/shared/kube/redact";
import type {
  Acknowledgement,
  AgentLink,
  AgentLinkHandler,
  Assignments,
  Beat,
  Signed,
  SignedAssignments,
  Standing,
} from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import { createMetrics, type Metrics } from "@drover/shared/metrics";
import { backoffMs, type Random } from "@drover/shared/retry";
import { runAll, type Service } from "@drover/shared/service";

import { openAcceptance, type Acceptance } from "./controllers/acceptance.ts";
import { createAccounts } from "./controllers/accounts.ts";
import { createApis, type Apis } from "./controllers/apis.ts";
import { createApplicationReconcile } from "./controllers/application.ts";
import { createBounds, retryBounded, type Bounds } from "./controllers/bounds.ts";
import type { Context } from "./controllers/context.ts";
import { wakeDependents } from "./controllers/dependencies.ts";
import { createDiagnosis } from "./controllers/diagnosis.ts";
import { createDispatcher } from "./controllers/dispatch.ts";
import { createFreshness, type Freshness } from "./controllers/freshness.ts";
import { createHealth } from "./controllers/health.ts";
import { createInspector, type Inspector } from "./controllers/inspect.ts";
import { createIntroduction } from "./controllers/introduction.ts";
import { createKindWatch } from "./controllers/kinds.ts";
import type { Limit } from "./controllers/limit.ts";
import { meter } from "./controllers/meter.ts";
import { createNamespaceWatch } from "./controllers/namespaces.ts";
import { createObserver, type Observer } from "./controllers/observer.ts";
import { keepPolicy } from "./controllers/policy.ts";
import { repair } from "./controllers/repair.ts";
import { createReporter, type Reporter } from "./controllers/reporter.ts";
import { createResync } from "./controllers/resync.ts";
import { createRetention } from "./controllers/retention.ts";
import { loadState, type Place, type State } from "./controllers/state.ts";
import { createTaking } from "./controllers/taking.ts";
import { createThrottle } from "./controllers/throttle.ts";
import type { Audience } from "./core/acceptance.ts";
import { ownerId } from "./core/owner.ts";
import { isPartOf, type Self } from "./core/self.ts";
import type { KubeApi } from "./kube/api.ts";
import { createConfigMaps } from "./kube/config-maps.ts";
import { createDiscovery } from "./kube/discovery.ts";
import { fetchCluster, hasInitialEvents, type KnownCluster } from "./kube/facts.ts";
import { withoutSecrets } from "./link/outgoing.ts";
import { openBlobs } from "./store/blobs.ts";
import { systemDisk, type Disk } from "./store/disk.ts";
import { createInventory, type Inventory, type OwnedObjects } from "./store/inventory.ts";
import { openRecordFiles } from "./store/records.ts";

export interface AgentOptions {
  /** Accepted assignments, bundles and records are kept here. */
  readonly dataDir: string;
  /** Of the agent's own objects in the cluster. */
  readonly namespace: string;
  /** Service account, in each application's namespace, for applications that name none; "" = the agent's own rights. */
  readonly defaultServiceAccount: string;
  /** File of the policy that the cluster sets its agent; absent or "" = none. */
  readonly policy?: string;
}

export interface AgentDeps {
  readonly link: AgentLink;
  readonly kube: KubeApi;
  /** Name under which this cluster has joined: what is assigned to another is refused. */
  readonly cluster: () => string;
  /** The assignments in an envelope whose signature holds. Throws `signature_invalid`. */
  readonly verify: (signed: SignedAssignments) => Assignments;
  /** The same of a beat. */
  readonly verifyBeat: (signed: Signed) => Beat;
  /** Stands for values that must not leave this cluster. */
  readonly fingerprint: Fingerprint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default: that of this machine. */
  readonly disk?: Disk;
  /** Names this run of the agent to the hub. Default: random. */
  readonly run?: string;
}

export interface Agent extends Service {
  /** Whether the agent knows its cluster and what it last accepted, and so acts. */
  readonly ready: boolean;
  readonly metrics: Metrics;
}

const schedule = { concurrency: 4 } as const;
const startBackoff = { baseMs: 200, factor: 2, capMs: 10_000, jitter: 0.2 };

/** The agent without a process around it: composition of its parts, and what tests start. */
export function createAgent(options: AgentOptions, outer: AgentDeps): Agent {
  const deps = { ...outer, link: withoutSecrets(outer.link, outer.fingerprint) };
  const metrics = createMetrics();
  let ready = false;
  return {
    name: "agent",
    metrics,
    get ready() {
      return ready;
    },
    async run(signal) {
      const { clock, log, disk = systemDisk } = deps;
      const throttle = createThrottle(clock);
      const kube = throttle.over(meter(deps.kube, metrics, clock));
      const files = openRecordFiles(disk, join(options.dataDir, "applications"));
      await using blobs = await openBlobs(disk, join(options.dataDir, "blobs"));
      const state = await loadState({ files, clock, log });
      const inventory = createInventory(createConfigMaps(kube, options.namespace));
      const apis = createApis({ ...deps, kube });
      const { cluster, owned } = await untilKnown({ deps, kube, inventory, apis }, signal);
      state.adopt(owned);
      const outside = { options, deps, kube, limit: throttle.limit, cluster, apis };
      const parts = await compose(outside, { blobs, state, inventory });
      for (const name of state.applications.keys()) parts.wake(name);
      for (const name of parts.acceptance.names()) parts.wake(name);
      ready = true;
      log.info({ applications: state.applications.size, generation: parts.acceptance.generation }, "agent ready");
      try {
        await runAll(parts.services, signal);
      } finally {
        ready = false;
      }
    },
  };
}

interface Outside {
  readonly options: AgentOptions;
  readonly deps: AgentDeps;
  readonly kube: KubeApi;
  readonly limit: Limit;
  readonly cluster: KnownCluster;
  readonly apis: Apis;
}

interface Composed {
  readonly services: readonly Service[];
  readonly acceptance: Acceptance;
  readonly wake: (application: string) => void;
}

/** The agent's own service account, as the join manifest names it. */
function accountOf({ options }: Outside): Self {
  return { namespace: options.namespace, name: "drover-agent" };
}

async function compose(outside: Outside, stores: Pick<Context, "blobs" | "state" | "inventory">): Promise<Composed> {
  const { deps, kube, apis } = outside;
  const { clock, random, log, link, fingerprint } = deps;
  const { state } = stores;
  const wake = (application: string): void => applications.enqueue(application);
  const told = { changed: (): void => health.update(), introduce: (): void => said.introduce() };
  const orders = await openOrders(outside, { state, wake, ...told });
  const { acceptance, bounds } = orders;
  const discovery = createDiscovery(kube, clock);
  const fetchBlobs = link.fetchBlobs.bind(link);
  const { defaultServiceAccount } = outside.options;
  const accounts = createAccounts({ kube, state, wake, clock, random, log, defaultServiceAccount });
  const owners = { ...stores, ...ownersIn(outside) };
  const reporter = createReporter({ state, acceptance, send: link.send.bind(link), clock, salt: randomUUID() });
  const seen = (application: string): void => {
    reporter.changed(application);
    // What waits for others to become ready may go on.
    if ((state.applications.get(application)?.waits.size ?? 0) > 0) wake(application);
    wakeDependents({ acceptance, clock, state, wake }, application);
  };
  const relist: Observer["relist"] = (signal, isWanted) => observer.relist(signal, isWanted);
  const health = createHealth({ acceptance, kube, discovery, state, clock, log }, { changed: seen, relist });
  const known = { ...owners, acceptance, bounds, accounts, assess: health.assess, discovery, fetchBlobs, fingerprint };
  const observed = { ...known, kube, wake, clock, random, log, limit: outside.limit };
  const initialEvents = hasInitialEvents(outside.cluster.kubernetesVersion);
  const drifted = (place: Place): void => repair(context, dispatcher, place);
  const observer = createObserver({ ...observed, context: observed, initialEvents, drifted, changed: seen });
  const context: Context = { ...observed, replayEcho: observer.replayEcho };
  const arrivals = [createKindWatch(context, wake), createNamespaceWatch(context, wake)];
  const changed = (application: string): void => {
    reporter.changed(application);
    wakeDependents(context, application);
    observer.update();
    for (const arrival of arrivals) arrival.update();
    accounts.update();
  };
  const dispatcher = createDispatcher({ context, changed });
  const reconcile = createApplicationReconcile({ context, dispatcher, changed });
  const applications = createController({ name: "applications", ...schedule, reconcile, clock, random, log });
  const inspector = createInspector(context, { cluster: deps.cluster, agent: accountOf(outside), apis });
  const said = createLinkServices(outside, { orders, reporter, inspector, state, wake });
  return {
    acceptance,
    wake,
    services: [
      applications,
      dispatcher,
      observer,
      ...arrivals,
      accounts,
      health,
      reporter,
      state,
      inspector,
      createDiagnosis(context, seen),
      createResync({ observer, clock, random, log }),
      createRetention(context, { acceptance, clock }),
      ...said.services,
    ],
  };
}

/** What the hub wants, and what holds whatever it wants. */
interface Orders {
  readonly acceptance: Acceptance;
  readonly freshness: Freshness;
  readonly bounds: Bounds;
  readonly standing: () => Standing;
  readonly services: readonly Service[];
}

async function openOrders(
  outside: Outside,
  parts: Pick<Composed, "wake"> & {
    readonly state: State;
    readonly changed: () => void;
    readonly introduce: () => void;
  },
): Promise<Orders> {
  const { options, deps, cluster } = outside;
  const { clock, log, verify, verifyBeat, disk = systemDisk } = deps;
  const boundsChanged = (): void => {
    retryBounded(parts.state, parts.wake);
    parts.introduce();
  };
  const told = { clock, log, changed: boundsChanged };
  const policy = await keepPolicy({ ...told, file: options.policy ?? "", self: accountOf(outside) });
  const audience = (): Audience => ({ cluster: deps.cluster(), clusterUid: cluster.clusterUid });
  const changed = (names: readonly string[]): void => {
    parts.changed();
    for (const name of names) parts.wake(name);
    // What went wrong with what it had may go better with what else has come.
    for (const { name, hindrance } of parts.state.applications.values()) if (hindrance !== undefined) parts.wake(name);
  };
  const frozen = (): string | undefined => policy.frozen;
  const path = join(options.dataDir, "accepted.json");
  const confirmed = (beat: Beat): void => freshness.confirm(beat);
  const acceptance = await openAcceptance({ disk, path, audience, verify, frozen, clock, log, changed, confirmed });
  const freshness = createFreshness({ ...told, acceptance, audience, verify: verifyBeat });
  const bounds = createBounds({ ...deps, policy, freshness, disk, path: join(options.dataDir, "deletions.json") });
  const standing = (): Standing => {
    const { staleSinceMs } = freshness;
    return { staleSinceMs, policy: policy.current.digest, frozen: policy.frozen !== undefined };
  };
  return { acceptance, freshness, bounds, standing, services: [policy, freshness] };
}

/** Whose objects are in this cluster: applications', and the agent's own. */
function ownersIn(outside: Outside): Pick<Context, "ownerOf" | "isOwnPart"> {
  const { clusterUid } = outside.cluster;
  const { namespace } = outside.options;
  const self = accountOf(outside);
  return {
    ownerOf: (application) => ({ application, id: ownerId({ clusterUid, namespace, application }) }),
    isOwnPart: (key) => isPartOf(self, key),
  };
}

/** What is said and heard on the link. */
function createLinkServices(
  { deps, kube, cluster, apis }: Outside,
  parts: Pick<Composed, "wake"> & {
    readonly orders: Orders;
    readonly reporter: Reporter;
    readonly inspector: Inspector;
    readonly state: State;
  },
): { readonly services: readonly Service[]; readonly introduce: () => void } {
  const { link, clock, random, log } = deps;
  const { orders, reporter, inspector, state, wake } = parts;
  const { acceptance, freshness, standing } = orders;
  const send: AgentLink["send"] = (message) => link.send(message);
  const run = deps.run ?? randomUUID();
  const answer = (acknowledgement: Acknowledgement): void => send({ kind: "acknowledgement", acknowledgement });
  const taking = createTaking({ acceptance, answer, clock, random, log });
  const said = { kube, cluster, apis, acceptance, standing, run, send };
  const introduction = createIntroduction({ ...said, clock, random, log });
  const handler: AgentLinkHandler = {
    hello: () => ({ ...introduction.hello(), reported: reporter.introduce() }),
    connected(welcome) {
      log.info({}, "connected to the hub");
      introduction.connected();
      reporter.connected(welcome);
      // What could not be fetched while there was no connection can be fetched now.
      for (const application of state.applications.values()) {
        if (application.hindrance !== undefined) wake(application.name);
      }
    },
    received(message) {
      switch (message.kind) {
        case "assignments":
          taking.receive(message.signed);
          break;
        case "beat":
          void freshness.heard(message.signed);
          break;
        case "inspect":
          inspector.ask(message.inspect, (inspection) => link.send({ kind: "inspection", inspection }));
          break;
      }
    },
    disconnected: (reason) => log.info({ reason }, "disconnected from the hub"),
  };
  const keptUp = apis.keptUp(() => introduction.again());
  const services = [
    ...orders.services,
    introduction,
    keptUp,
    taking,
    { name: "link", run: (signal: AbortSignal) => link.run(handler, signal) },
  ];
  return { services, introduce: () => introduction.again() };
}

/** Nothing may be written before the inventories are known: what they name may have to be pruned. */
async function untilKnown(
  { deps, kube, inventory, apis }: Pick<Outside, "deps" | "kube" | "apis"> & { readonly inventory: Inventory },
  signal: AbortSignal,
): Promise<{ readonly cluster: KnownCluster; readonly owned: ReadonlyMap<string, OwnedObjects> }> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const known = [fetchCluster(kube, signal), inventory.read(signal), apis.read(signal)] as const;
      const [cluster, owned] = await Promise.all(known);
      return { cluster, owned };
    } catch (cause) {
      signal.throwIfAborted();
      const { code, message, hint } = DroverError.from(cause);
      deps.log.warn({ code, reason: message, hint, attempt }, "cluster cannot be read yet");
      await deps.clock.sleep(backoffMs(startBackoff, attempt, deps.random), signal);
    }
  }
}
