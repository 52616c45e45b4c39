import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";

import { type EnrollOptions, loadOrEnroll } from "@drover/agent/enroll";
import { channelCredentials } from "@drover/agent/link/dial";
import { createGrpcLink as createAgentEnd } from "@drover/agent/link/grpc";
import type { HeldIdentity } from "@drover/agent/link/options";
import { type Acceptance, createAcceptance } from "@drover/hub/controllers/acceptance";
import { createEnrollment, type Enrollment } from "@drover/hub/controllers/enrollment";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { createGrpcLink as createHubEnd } from "@drover/hub/link/grpc";
import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, type Store } from "@drover/hub/store/store";
import { AgentServiceClient } from "@drover/proto/gen/drover/agent/v1/agent";
import { systemClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLink, HubLinkHandler } from "@drover/shared/link/link";
import { AgentRecorder, HubRecorder } from "@drover/shared/link/recorders.contract";
import { fromStatus } from "@drover/shared/link/status";
import { createLog, silentLog } from "@drover/shared/log";
import { type Authority, loadAuthority } from "@drover/shared/trust/authority";
import { type Identity, identityValidity } from "@drover/shared/trust/identity";
import { loadSigningKey } from "@drover/shared/trust/signing-key";
import { describe, expect, it, onTestFinished } from "vitest";

import { freePort } from "../rig/ports.ts";

/** Real agents' ends, the hub's real link, its enrollment and its store; nothing is assigned. */
describe("R14: a cluster that is revoked", () => {
  it("loses the stream that is open and gets no other, also after a restart of the hub", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);

    world.acceptance().revoke("dev-1", "its key leaked");
    // Nobody ends the stream by name: the link asks by itself.
    await expect.poll(() => world.hub.of("disconnected"), { timeout: 2_000 }).toMatchObject([{ cluster: "dev-1" }]);
    await expect.poll(() => world.warnings(), { timeout: 5_000 }).toContain("cluster_revoked");
    expect(await world.codeOfFetch(identity.current())).toBe("cluster_revoked");

    await world.restartHub();
    expect(await world.codeOfFetch(identity.current())).toBe("cluster_revoked");
    expect(agent.connections).toBe(1);
    expect(world.events()).toEqual(["joined: dev-1 joined", "revoked: dev-1 was revoked: its key leaked"]);
  });

  it("is let in again by a new token, and what it had before the revocation is not", async () => {
    await using world = await createWorld();
    const leaked = (await world.join("dev-1")).current();
    world.acceptance().revoke("dev-1", "its key leaked");
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    expect(await world.codeOfFetch(leaked)).toBe("unauthorized");
  });

  it("leaves nothing behind that speaks for the next cluster of its name", async () => {
    await using world = await createWorld();
    const old = (await world.join("dev-1")).current();
    world.acceptance().cutOff("dev-1");
    world.store().deleteCluster("dev-1");
    expect(await world.codeOfFetch(old)).toBe("unauthorized");
    await world.join("dev-1");
    expect(await world.codeOfFetch(old)).toBe("unauthorized");
  });
});

describe("T25: a TLS session that was saved", () => {
  it.each(["expires", "is revoked"] as const)(
    "is worth nothing when its certificate %s, also after a restart of the hub",
    async (end) => {
      await using world = await createWorld(end === "expires" ? { clientLifetimeMs: 1_500 } : {});
      const own = (await world.join("dev-1")).current();
      const session = await world.saveSession(own);
      if (end === "expires") {
        const { notAfterMs } = identityValidity(own);
        await expect.poll(() => Date.now() > notAfterMs, { timeout: 4_000 }).toBe(true);
      } else world.acceptance().revoke("dev-1", "its key leaked");
      expect(await world.resumes(session)).toBe(false);
      expect(await world.codeOfFetch(own)).toBe(end === "expires" ? "unauthorized" : "cluster_revoked");
      await world.restartHub();
      expect(await world.resumes(session)).toBe(false);
      expect(await world.codeOfFetch(own)).toBe(end === "expires" ? "unauthorized" : "cluster_revoked");
    },
  );
});

interface RunningHub {
  readonly store: Store;
  readonly enrollment: Enrollment;
  readonly acceptance: Acceptance;
  readonly link: HubLink;
  stop(): Promise<void>;
}

interface WorldOptions {
  readonly clientLifetimeMs?: number;
}

async function createWorld({ clientLifetimeMs }: WorldOptions = {}) {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), "drover-enrolment-"));
  parts.defer(() => rm(folder, { recursive: true }));
  const lifetime = clientLifetimeMs === undefined ? {} : { clientLifetimeMs };
  const authority = await loadAuthority(folder, { clock: systemClock, ...lifetime });
  const address = `127.0.0.1:${await freePort()}`;
  const lines: string[] = [];
  const log = createLog("agent", "warn", { write: (line) => void lines.push(line) });
  const recorder = new HubRecorder();
  let hub = await startHub({ folder, address, authority, recorder });
  parts.defer(() => hub.stop());
  const owned = parts.move();
  let agents = 0;
  return {
    hub: recorder,
    acceptance: () => hub.acceptance,
    store: () => hub.store,
    /** A new agent, which has lost whatever an earlier one of this cluster had. */
    join: (cluster: string): Promise<HeldIdentity> => {
      if (hub.store.cluster(cluster) === undefined) hub.store.putCluster({ ...clusterDefaults, name: cluster });
      const { token } = hub.enrollment.invite(cluster);
      agents += 1;
      const options: EnrollOptions = {
        dataDir: path.join(folder, `agent-${agents}`),
        token,
        hubAddress: address,
        clusterUid: `uid-of-${cluster}`,
        agentVersion: "1.2.3",
        clock: systemClock,
        random: () => 0.1,
        log: silentLog,
      };
      return loadOrEnroll(options, stopAfterTest());
    },
    connect: (identity: HeldIdentity): AgentRecorder => {
      const agent = new AgentRecorder();
      const link = createAgentEnd({ address, identity, clock: systemClock, random: () => 0.1, log });
      owned.defer(start((signal) => link.run(agent, signal)));
      return agent;
    },
    /** What the hub answers to whoever shows this identity; "" = it serves. */
    codeOfFetch: async (own: Identity): Promise<string> => {
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
    },
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
      hub = await startHub({ folder, address, authority, recorder });
    },
    events: (): readonly string[] => hub.store.events().map(({ type, message }) => `${type}: ${message}`),
    /** What the agents' links warned of. */
    warnings: (): string => lines.join(""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
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
}): Promise<RunningHub> {
  const { folder, address, authority, recorder } = options;
  const store = openSqliteStore(path.join(folder, "hub.db"));
  const events = createEventLog(store, () => systemClock.now());
  const signingKey = await loadSigningKey(folder);
  const enrollment = createEnrollment({ store, authority, signingKey, events, clock: systemClock });
  const handler: HubLinkHandler = {
    ...enrollment,
    connected: (cluster, hello) => recorder.connected(cluster, hello),
    introduced: (cluster, hello) => recorder.introduced(cluster, hello),
    acknowledged: (cluster, answer) => recorder.acknowledged(cluster, answer),
    reported: (cluster, report) => recorder.reported(cluster, report),
    inspected: (cluster, inspection) => recorder.inspected(cluster, inspection),
    disconnected: (cluster, end) => recorder.disconnected(cluster, end),
    blob: () => undefined,
  };
  const link = createHubEnd({ address, authority, clock: systemClock, log: silentLog });
  const { promise: ready, resolve } = Promise.withResolvers<string>();
  const stop = start((signal) => link.run(handler, resolve, signal));
  await ready;
  return {
    store,
    enrollment,
    acceptance: createAcceptance({ store, events, clock: systemClock }),
    link,
    stop: async () => {
      await stop();
      store.close();
    },
  };
}

function start(body: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
  const controller = new AbortController();
  const done = body(controller.signal);
  return async () => {
    controller.abort(new DroverError("canceled", "the test stops it"));
    await done;
  };
}

function stopAfterTest(): AbortSignal {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  return controller.signal;
}
