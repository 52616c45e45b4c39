import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";

import { type EnrollOptions, loadOrEnroll } from "@drover/agent/enroll";
import { HubAddresses } from "@drover/agent/link/addresses";
import { channelCredentials } from "@drover/agent/link/dial";
import { renew } from "@drover/agent/link/join";
import type { HeldIdentity } from "@drover/agent/link/options";
import { type Acceptance, createAcceptance } from "@drover/hub/controllers/acceptance";
import { createEnrollment, type Enrollment } from "@drover/hub/controllers/enrollment";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { createGrpcLink as createHubEnd } from "@drover/hub/link/grpc";
import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, type Store } from "@drover/hub/store/store";
import { AgentServiceClient } from "@drover/proto/gen/drover/agent/v1/agent";
import { systemClock, type Clock } from "@drover/shared/clock";
import type { Hello, HubLink, HubLinkHandler } from "@drover/shared/link/link";
import { AgentRecorder, HubRecorder } from "@drover/shared/link/recorders.contract";
import { fromStatus } from "@drover/shared/link/status";
import { createLog, silentLog } from "@drover/shared/log";
import { type Authority, loadAuthority } from "@drover/shared/trust/authority";
import { createIdentity, createKeyRequest, type Identity } from "@drover/shared/trust/identity";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import { freePort } from "../rig/ports.ts";
import { startAgentEnd } from "./agent-end.ts";
import { start, stopAfterTest } from "./stop.ts";

class RunningAgent extends AgentRecorder {
  readonly #run = randomUUID();

  override hello(): Hello {
    return { ...super.hello(), run: this.#run };
  }
}

interface RunningHub {
  readonly store: Store;
  readonly enrollment: Enrollment;
  readonly acceptance: Acceptance;
  readonly link: HubLink;
  stop(): Promise<void>;
}

interface WorldOptions {
  readonly clientLifetimeMs?: number;
  /** Time as the hub has it. */
  readonly clock?: Clock;
}

/** Real agents' ends, the hub's real link, its enrollment and its store; nothing is assigned. */
export async function createWorld({ clientLifetimeMs, clock = systemClock }: WorldOptions = {}) {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), "drover-enrolment-"));
  parts.defer(() => rm(folder, { recursive: true }));
  const lifetime = clientLifetimeMs === undefined ? {} : { clientLifetimeMs };
  const authority = await loadAuthority(folder, { clock, ...lifetime });
  const address = `127.0.0.1:${await freePort()}`;
  const lines: string[] = [];
  const log = createLog("agent", "warn", { write: (line) => void lines.push(line) });
  const recorder = new HubRecorder();
  let hub = await startHub({ folder, address, authority, recorder, clock });
  parts.defer(() => hub.stop());
  const running: (() => Promise<void>)[] = [];
  const stopAgents = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((stop) => stop()));
  };
  parts.defer(stopAgents);
  const owned = parts.move();
  let agents = 0;
  return {
    hub: recorder,
    acceptance: () => hub.acceptance,
    rotate: (cluster: string): void => {
      hub.acceptance.rotate(cluster);
      hub.link.disconnect(cluster, "the certificate is being replaced");
    },
    store: () => hub.store,
    /** A new agent, which has lost whatever an earlier one of this cluster had. */
    join: (cluster: string, { clusterUid = `uid-of-${cluster}` } = {}): Promise<HeldIdentity> => {
      if (hub.store.cluster(cluster) === undefined) hub.store.putCluster({ ...clusterDefaults, name: cluster });
      const { token } = hub.enrollment.invite(cluster);
      agents += 1;
      const options: EnrollOptions = {
        dataDir: path.join(folder, `agent-${agents}`),
        token,
        addresses: new HubAddresses(address),
        clusterUid,
        agentVersion: "1.2.3",
        clock: systemClock,
        random: () => 0.1,
        log: silentLog,
      };
      return loadOrEnroll(options, stopAfterTest());
    },
    connect: (identity: HeldIdentity): AgentRecorder => {
      const agent = new RunningAgent();
      running.push(startAgentEnd(agent, { address, identity, log }));
      return agent;
    },
    stopAgents,
    /** A new certificate, which nothing has used yet. */
    renew: async (identity: HeldIdentity): Promise<void> => {
      const { csr, privateKey } = await createKeyRequest();
      const asked = { csr, enrolmentKey: identity.enrolmentKey ?? "" };
      const response = await renew(address, identity.current(), asked, stopAfterTest());
      await identity.replace(createIdentity(response, privateKey));
    },
    codeOfFetch: async (own: Identity): Promise<string> => codeOfFetch(address, own),
    /** Of a connection that the hub has taken in. */
    saveSession: async (own: Identity): Promise<Buffer | undefined> => {
      const socket = dialTls(address, { cert: own.certificate, key: own.privateKey });
      let session: Buffer | undefined;
      socket.on("session", (ticket) => (session = ticket));
      await once(socket, "secureConnect");
      // Tickets are sent right after the handshake, before the first byte of HTTP/2.
      await once(socket, "data");
      socket.destroy();
      return session ?? socket.getSession();
    },
    /** Whether the session opens a connection without certificate and key. */
    resumes: async (session: Buffer | undefined): Promise<boolean> => {
      const socket = dialTls(address, session === undefined ? {} : { session });
      await once(socket, "secureConnect");
      const resumed = socket.isSessionReused();
      socket.destroy();
      return resumed;
    },
    restartHub: async (): Promise<void> => {
      await hub.stop();
      hub = await startHub({ folder, address, authority, recorder, clock });
    },
    events: (): readonly string[] => hub.store.events().map(({ type, message }) => `${type}: ${message}`),
    /** What the agents' links warned of. */
    warnings: (): string => lines.join(""),
    /** How often an agent was told that its cluster is locked. */
    refusals: (): number => lines.filter((line) => line.includes("cluster_locked")).length,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What the hub answers to whoever shows this identity; "" = it serves. */
export async function codeOfFetch(address: string, own: Identity): Promise<string> {
  const client = new AgentServiceClient(address, channelCredentials({ authority: own.authority, own }), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.ssl_target_name_override": "hub.drover.internal",
  });
  const call = client.fetchBlobs({ digests: [Buffer.alloc(32)] });
  call.resume();
  const code = await new Promise<string>((resolve) => {
    call.once("error", (cause) => resolve(fromStatus(cause).code));
    call.once("end", () => resolve(""));
  });
  client.close();
  return code;
}

/** What a copy of the agent's disk holds from now on. */
export function frozen(identity: HeldIdentity): HeldIdentity {
  let held = identity.current();
  return {
    ...identity,
    current: () => held,
    replace: (next) => {
      held = next;
      return Promise.resolve();
    },
  };
}

function dialTls(address: string, options: ConnectionOptions): TLSSocket {
  const port = Number(address.split(":")[1]);
  const common = { host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  return connectTls({ ...common, ...options }).on("error", () => undefined);
}

async function startHub(options: {
  readonly folder: string;
  readonly address: string;
  readonly authority: Authority;
  readonly recorder: HubRecorder;
  readonly clock: Clock;
}): Promise<RunningHub> {
  const { folder, address, authority, recorder, clock } = options;
  const store = openSqliteStore(path.join(folder, "hub.db"));
  const events = createEventLog(store, () => clock.now());
  const signingKey = await loadSigningKey(folder);
  const acceptance = createAcceptance({ store, events, clock });
  const connected = new Set<string>();
  const enrollment = createEnrollment({
    store,
    authority,
    signingKey,
    acceptance,
    events,
    clock,
    connections: connected,
  });
  const handler: HubLinkHandler = {
    ...enrollment,
    connected: (cluster, hello) => {
      connected.add(cluster);
      return recorder.connected(cluster, hello);
    },
    introduced: (cluster, hello) => recorder.introduced(cluster, hello),
    acknowledged: (cluster, answer) => recorder.acknowledged(cluster, answer),
    reported: (cluster, report) => recorder.reported(cluster, report),
    inspected: (cluster, inspection) => recorder.inspected(cluster, inspection),
    disconnected: (cluster, end) => {
      connected.delete(cluster);
      recorder.disconnected(cluster, end);
    },
    blob: () => undefined,
  };
  const link = createHubEnd({ address, authority, clock, log: silentLog });
  const { promise: ready, resolve } = Promise.withResolvers<string>();
  const stop = start((signal) => link.run(handler, resolve, signal));
  await ready;
  return {
    store,
    enrollment,
    acceptance,
    link,
    stop: async () => {
      await stop();
      store.close();
    },
  };
}
