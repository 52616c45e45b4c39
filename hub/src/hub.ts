import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Beat, HubLink, Signed, SignedAssignments } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import { createMetrics } from "@drover/shared/metrics";
import type { Random } from "@drover/shared/retry";
import { runAll, type Service } from "@drover/shared/service";
import { loadAuthority, type Authority } from "@drover/shared/trust/authority";
import { signBeat, signPayload } from "@drover/shared/trust/envelope";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";
import { loadSigningKey, type SigningKey } from "@drover/shared/trust/signing-key";
import { untilAborted } from "@drover/shared/until-aborted";

import { ownerToken } from "./api/auth.ts";
import type { Logins } from "./api/logins.ts";
import { createApi } from "./api/server.ts";
import { createBackend } from "./backend/backend.ts";
import { createExplanations } from "./backend/explanations.ts";
import { parseAddress, type HubConfig } from "./config.ts";
import { createAcceptance } from "./controllers/acceptance.ts";
import { createAgents } from "./controllers/agents.ts";
import { createBackups } from "./controllers/backups.ts";
import { createBeats } from "./controllers/beats.ts";
import { createBlobs } from "./controllers/blobs.ts";
import { credentialFor } from "./controllers/credentials.ts";
import { createEnrollment } from "./controllers/enrollment.ts";
import { createEventLog, type EventLog } from "./controllers/event-log.ts";
import { createPin } from "./controllers/host-keys.ts";
import { createHousekeeping, lastHeardMs } from "./controllers/housekeeping.ts";
import { createInspections } from "./controllers/inspections.ts";
import { createLeaving } from "./controllers/leaving.ts";
import { createNews } from "./controllers/news.ts";
import { Quarantine } from "./controllers/quarantine.ts";
import { createStoreKey } from "./controllers/store-key.ts";
import { World } from "./controllers/world.ts";
import { type Broker, openBroker } from "./link/broker.ts";
import { createGrpcLink } from "./link/grpc.ts";
import { withNats } from "./link/nats.ts";
import { loadLogins } from "./load-logins.ts";
import { createLoop } from "./loop.ts";
import { registerHubMetrics } from "./metrics.ts";
import { createMirror, type SshOptions } from "./source/git/mirror.ts";
import { createHelm } from "./source/programs/helm.ts";
import { createKustomize } from "./source/programs/kustomize.ts";
import { createPackages } from "./source/published/packages.ts";
import { createDeployKeys } from "./source/ssh/deploy-keys.ts";
import { createNetworks } from "./source/web/networks.ts";
import { takeStore } from "./standby.ts";
import { openAttemptsFile, type AttemptsFile } from "./store/attempts-file.ts";
import { createReserve, type Reserve } from "./store/reserve.ts";
import { openSqliteStore } from "./store/sqlite.ts";
import { storeKeyFile } from "./store/store-keys.ts";
import type { Store } from "./store/store.ts";

export const hubVersion = "0.1.0";

export interface HubDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where programs that the hub runs are looked for: PATH, HOME and the like. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where a running hub is reached. */
export interface HubAddresses {
  /** `http://127.0.0.1:7474`. */
  readonly api: string;
  /** `127.0.0.1:7475`. */
  readonly link: string;
}

export interface Hub {
  readonly adminToken: string;
  /** How many are registered. */
  readonly clusters: number;
  /** When one of them spoke last, in ms since the epoch; 0 = never. */
  readonly heardAtMs: number;
  /** Runs until the signal aborts; `ready` is called once, when API and link are served. */
  run(ready: (addresses: HubAddresses) => void, signal: AbortSignal): Promise<void>;
}

export function storeFile({ dataDir }: Pick<HubConfig, "dataDir">): string {
  return join(dataDir, "hub.db");
}

export function keyFile(config: Pick<HubConfig, "dataDir" | "storeKeyFile">): string {
  return config.storeKeyFile === "" ? storeKeyFile(storeFile(config)) : config.storeKeyFile;
}

/**
 * Puts the hub together, once it has the store. Nothing runs before `run`, and nothing listens but what says that it stands
 * by. What the data folder holds is looked at by whoever has the lock: a hub that stood by finds it as the other one left it.
 */
export async function createHub(config: HubConfig, deps: HubDeps, stop: AbortSignal): Promise<Hub> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const { clock } = deps;
  // A mistake in there is told now, and not when the other hub ends.
  const logins = config.oidcFile === "" ? undefined : await loadLogins(config.oidcFile, clock);
  using opened = new DisposableStack();
  opened.use(await takeStore(storeFile(config), config, deps, stop));
  const authority = await loadAuthority(join(config.dataDir, "keys"), { clock });
  const signingKey = await loadSigningKey(join(config.dataDir, "keys"));
  const adminToken = await loadAdminToken(config);
  const broker = config.natsUrl === "" ? undefined : await openBroker(brokerOptions(config, clock));
  const reserve = createReserve(join(config.dataDir, "reserve"), config.reserveMib * 1024 * 1024);
  await reserve.refill();
  const files = { reserve, keyFile: keyFile(config) };
  const store = opened.adopt(openSqliteStore(storeFile(config), files), (one) => one.close());
  const attempts = opened.use(openAttemptsFile(join(config.dataDir, "attempts")));
  const owned = opened.move();
  return {
    adminToken,
    clusters: store.clusters().length,
    heardAtMs: lastHeardMs(store),
    async run(ready, signal) {
      // The lock goes last.
      using _ = owned;
      const trust = { authority, signingKey, broker, adminToken, logins };
      const parts = { config, deps, store, reserve, attempts, ...trust, ready };
      await runAll(assemble(parts), signal);
    },
  };
}

interface Parts {
  readonly config: HubConfig;
  readonly deps: HubDeps;
  readonly store: Store;
  readonly reserve: Reserve;
  readonly attempts: AttemptsFile;
  readonly authority: Authority;
  readonly signingKey: SigningKey;
  readonly broker: Broker | undefined;
  readonly adminToken: string;
  readonly logins: Logins | undefined;
  readonly ready: (addresses: HubAddresses) => void;
}

function assemble(parts: Parts): readonly Service[] {
  const { config, deps, store, reserve, authority, signingKey } = parts;
  const { clock, log } = deps;
  const { events, world } = createWorld(store, clock);
  const metrics = createMetrics();
  const deployKeys = createDeployKeys(join(config.dataDir, "keys", "sources"), store.encryption);
  const { mirror, packages } = createReaders(config, { deployKeys, pin: createPin({ store, events }) }, store);
  const linkNames = config.linkNames.split(",").map((name) => name.trim());
  const link = createLink(parts, linkNames, events);
  const acceptance = createAcceptance({ store, events, clock });
  const trust = { authority, signingKey, acceptance, connections: world.connections };
  const enrollment = createEnrollment({ store, events, clock, ...trust });
  const inspections = createInspections(link, clock);
  const address = new Listening(parts.ready, linkNames[0] ?? "127.0.0.1");
  const hubAddress = (): string => config.linkAgentAddress || address.forAgents();
  const { sign, ...signing } = createSigner(signingKey);
  const beats = createBeats({ store, world, link, clock, ...signing });
  const programs = { kustomize: createKustomize(deps), helm: createHelm(deps) };
  const common = { ...deps, store, world, events, inspections };
  const quarantine = new Quarantine(parts.attempts);
  const blobs = createBlobs(store);
  const outside = { mirror, packages, link, sign, beats, news: createNews(blobs), programs };
  const loop = createLoop({ ...common, ...outside, quarantine });
  const agents = createAgents({
    ...common,
    blobs,
    enrollment,
    send: (name) => loop.wake.clusters([name]),
    listNamed: (digest) => loop.wake.apiList(digest),
    factsChanged: loop.wake.facts,
    rolling: loop.wake.rollouts,
    left: createLeaving({ store, world, events, acceptance, link }),
  });
  const backups = createBackups({ ...deps, ...config, store, file: storeFile(config) });
  const backend = createBackend({
    ...common,
    version: hubVersion,
    enrollment,
    explanations: createExplanations({ store, world, ...programs }),
    link,
    mirror,
    deployKeys,
    metrics,
    backups,
    reserve,
    settings: { ...config, hubAddress, brokerAccess: parts.broker?.invite },
    ready: () => address.complete,
    wake: loop.wake,
  });
  registerHubMetrics(metrics, { store, reserve, world, queues: loop.controllers });
  return [
    ...loop.services,
    beats.service,
    createHousekeeping({ store, reserve, events, clock, log, recovered: loop.wake.allSources }),
    backups.service,
    createStoreKey({ store, deployKeys, file: keyFile(config), events, clock, log }),
    { name: "link", run: (signal) => link.run(agents, (at) => address.link(at), signal) },
    { name: "api", run: (signal) => serveApi(parts, backend, (at) => address.api(at), signal) },
  ];
}

function createSigner(key: SigningKey) {
  return {
    sign: (payload: Uint8Array): SignedAssignments => signPayload(payload, key),
    signBeat: (beat: Beat): Signed => signBeat(beat, key),
  };
}

function brokerOptions({ dataDir, natsUrl, natsAgentUrl }: HubConfig, clock: Clock): Parameters<typeof openBroker>[0] {
  return { dataDir, servers: natsUrl, agentServers: natsAgentUrl === "" ? natsUrl : natsAgentUrl, clock };
}

/** One port for agents, and if there is a broker, the way to that port through it. */
function createLink(
  { config, deps, store, authority, broker }: Parts,
  serverNames: readonly string[],
  events: EventLog,
): HubLink {
  const { clock, random, log } = deps;
  const common = { address: config.linkAddress, authority, serverNames, clock, log };
  if (broker === undefined) return createGrpcLink(common);
  const grantBrokerUser: Broker["grant"] = (cluster, publicKey) => {
    if (store.cluster(cluster) !== undefined) return broker.grant(cluster, publicKey);
    throw new DroverError("unauthorized", `cluster ${cluster} is not registered`);
  };
  const told = tellOfBroker(broker, events);
  const acceptOld = config.natsOldBroker === "accept";
  const options = { access: broker.access, acceptOld, told, clock, random, log };
  return withNats(createGrpcLink({ ...common, grantBrokerUser }), options);
}

/** Agents behind a broker that is too weak to be used cannot say why they are offline. */
function tellOfBroker(broker: Broker, events: EventLog): Broker["told"] {
  let wasWeak = false;
  return (failure) => {
    broker.told(failure);
    const isWeak = failure?.code === "broker_weak";
    const message = isWeak
      ? `${failure.message}, and is not used: ${failure.hint}`
      : "the NATS broker is not weak any more";
    if (isWeak || (wasWeak && failure === undefined)) {
      events.append({ type: isWeak ? "problem" : "recovered", app: "", cluster: "", message });
      wasWeak = isWeak;
    }
  };
}

/** Nobody is connected yet: what was seen before the stop is shown as old, until the agents say it again. */
function createWorld(store: Store, clock: Clock): { readonly events: EventLog; readonly world: World } {
  const events = createEventLog(store, () => clock.now());
  const world = new World(store, events, () => clock.now());
  for (const app of store.applications()) for (const target of store.targetsOf(app)) world.assess(target);
  return { events, world };
}

/** What reads the sources that people add, and that files in Git name. */
function createReaders(config: HubConfig, ssh: SshOptions, store: Store) {
  const { dataDir, sourceNetworks } = config;
  const common = { credentialFor: credentialFor(store), networks: createNetworks(sourceNetworks) };
  return {
    mirror: createMirror({ folder: join(dataDir, "mirrors"), ssh, ...common }),
    packages: createPackages({ folder: join(dataDir, "packages"), pins: store.pins, ...common }),
  };
}

async function serveApi(
  { config, deps, adminToken, logins }: Parts,
  backend: Parameters<typeof createApi>[0]["backend"],
  listening: (address: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const tokens = [ownerToken("admin", adminToken)];
  await using api = await createApi({ backend, tokens, logins, log: deps.log, clock: deps.clock });
  listening(await api.listen(parseAddress(config.apiAddress)));
  await untilAborted(signal);
}

/** Waits for both addresses before it says that the hub is ready. */
class Listening {
  readonly #ready: (addresses: HubAddresses) => void;
  readonly #linkName: string;
  #api: string | undefined;
  #link: string | undefined;

  constructor(ready: (addresses: HubAddresses) => void, linkName: string) {
    this.#ready = ready;
    this.#linkName = linkName;
  }

  get complete(): boolean {
    return this.#api !== undefined && this.#link !== undefined;
  }

  api(address: string): void {
    this.#api = address;
    this.#settle();
  }

  link(address: string): void {
    this.#link = address;
    this.#settle();
  }

  /** The name that agents use, with the port that is really listened on. */
  forAgents(): string {
    return `${this.#linkName}:${this.#link?.split(":").at(-1) ?? ""}`;
  }

  #settle(): void {
    if (this.#api !== undefined && this.#link !== undefined) this.#ready({ api: this.#api, link: this.#link });
  }
}

async function loadAdminToken(config: HubConfig): Promise<string> {
  const file = config.tokenFile === "" ? join(config.dataDir, "admin-token") : config.tokenFile;
  const stored = (await readSecretFile(file))?.trim();
  if (stored !== undefined && stored !== "") return stored;
  const token = randomBytes(32).toString("base64url");
  await writeSecretFile(file, `${token}\n`);
  return token;
}
