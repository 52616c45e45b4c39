import { readFile, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { type EnrollOptions, loadOrEnroll } from "@drover/agent/enroll";
import { HubAddresses } from "@drover/agent/link/addresses";
import type { HeldIdentity } from "@drover/agent/link/options";
import { createGrpcLink as createHubEnd } from "@drover/hub/link/grpc";
import { type Clock, systemClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse, HubLinkHandler, RenewRequest, Speaker } from "@drover/shared/link/link";
import { AgentRecorder, HubRecorder } from "@drover/shared/link/recorders.contract";
import { createLog, silentLog } from "@drover/shared/log";
import { type Authority, loadAuthority } from "@drover/shared/trust/authority";
import { identityValidity } from "@drover/shared/trust/identity";
import { createJoinToken, formatJoinToken, parseJoinToken } from "@drover/shared/trust/join-token";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { describe, expect, it } from "vitest";

import { startFaultProxy } from "../rig/fault-proxy.ts";
import { freePort } from "../rig/ports.ts";
import { startAgentEnd } from "./agent-end.ts";
import { start, stopAfterTest } from "./stop.ts";

const hourMs = 3_600_000;

describe("joining a hub", () => {
  it("trades a token for an identity, keeps it for its owner only, and connects with it", async () => {
    await using world = await createWorld();
    const token = world.invite("dev-1");
    const identity = await loadOrEnroll(world.agentOptions(token), stopAfterTest());
    expect(identity.current().cluster).toBe("dev-1");
    const file = await stat(path.join(world.dataDir, "identity.json"));
    expect(file.mode & 0o777).toBe(0o600);
    expect(world.hub.requests).toMatchObject([{ clusterUid: "uid-1", agentVersion: "1.2.3" }]);

    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    expect(world.hub.of("connected")).toMatchObject([{ cluster: "dev-1" }]);
  });

  it("shows a token once: a restart takes the stored identity", async () => {
    await using world = await createWorld();
    const options = world.agentOptions(world.invite("dev-1"));
    const first = await loadOrEnroll(options, stopAfterTest());
    const second = await loadOrEnroll(options, stopAfterTest());
    expect(second.current()).toEqual(first.current());
    const withoutToken = await loadOrEnroll({ ...options, token: undefined }, stopAfterTest());
    expect(withoutToken.current()).toEqual(first.current());
    expect(world.hub.requests).toHaveLength(1);
  });

  it("joins again with another token, as another cluster if the hub says so", async () => {
    await using world = await createWorld();
    await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    const again = await loadOrEnroll(world.agentOptions(world.invite("dev-2")), stopAfterTest());
    expect(again.current().cluster).toBe("dev-2");
  });

  it("keeps the identity it has when another token is refused", async () => {
    await using world = await createWorld();
    await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    const unknown = formatJoinToken(createJoinToken(world.authority.pin));
    const kept = await loadOrEnroll(world.agentOptions(unknown), stopAfterTest());
    expect(kept.current().cluster).toBe("dev-1");
  });

  it("repairs a broken identity file with a new token, and says what to do without one", async () => {
    await using world = await createWorld();
    await mkdir(world.dataDir);
    await writeFile(path.join(world.dataDir, "identity.json"), '{"identity":{');
    const none = loadOrEnroll({ ...world.agentOptions(""), token: undefined }, stopAfterTest());
    await expect(none).rejects.toMatchObject({ code: "unauthorized", hint: expect.stringContaining("drover join") });
    const joined = await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    expect(joined.current().cluster).toBe("dev-1");
  });

  it("stops at once when the hub refuses the token", async () => {
    await using world = await createWorld();
    const unknown = formatJoinToken(createJoinToken(world.authority.pin));
    const joining = loadOrEnroll(world.agentOptions(unknown), stopAfterTest());
    await expect(joining).rejects.toMatchObject({ code: "join_refused", message: "the join token is unknown" });
    await expect(loadOrEnroll(world.agentOptions("drv1.nonsense"), stopAfterTest())).rejects.toMatchObject({
      code: "join_refused",
    });
  });

  it("T34: never shows its token to a server that is not the token's hub", async () => {
    await using world = await createWorld();
    await using other = await createWorld();
    const token = world.invite("dev-1");
    const options = { ...world.agentOptions(token), addresses: new HubAddresses(other.address) };
    await expect(loadOrEnroll(options, stopAfterTest())).rejects.toMatchObject({ code: "join_refused" });
    expect(other.hub.requests).toEqual([]);
  });

  it("waits for a hub that cannot be reached yet", async () => {
    await using world = await createWorld();
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: world.port } });
    proxy.cut();
    const options = {
      ...world.agentOptions(world.invite("dev-1")),
      addresses: new HubAddresses(`127.0.0.1:${proxy.port}`),
    };
    const joining = loadOrEnroll(options, stopAfterTest());
    await expect.poll(() => proxy.accepted(), { timeout: 10_000 }).toBeGreaterThan(1);
    proxy.resume();
    expect((await joining).current().cluster).toBe("dev-1");
  });

  it("stops guessing: after ten refused tokens an address has to wait", async () => {
    await using world = await createWorld();
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const unknown = formatJoinToken(createJoinToken(world.authority.pin));
      await expect(loadOrEnroll(world.agentOptions(unknown), stopAfterTest())).rejects.toMatchObject({
        code: "join_refused",
      });
    }
    const controller = new AbortController();
    const joining = loadOrEnroll(world.agentOptions(world.invite("dev-1")), controller.signal);
    setTimeout(() => controller.abort(new DroverError("canceled", "enough")), 300);
    await expect(joining).rejects.toMatchObject({ code: "canceled" });
    expect(world.hub.requests).toHaveLength(10);
  });
});

describe("the key that fingerprints are made with", () => {
  it("is made once, survives renewal and another join, and is made for an agent of before there were such keys", async () => {
    await using world = await createWorld();
    const options = world.agentOptions(world.invite("dev-1"));
    const first = await loadOrEnroll(options, stopAfterTest());
    expect(Buffer.from(first.fingerprintKey, "base64")).toHaveLength(32);
    await first.replace(first.current());
    expect((await loadOrEnroll(options, stopAfterTest())).fingerprintKey).toBe(first.fingerprintKey);
    const again = await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    expect(again.fingerprintKey).toBe(first.fingerprintKey);

    const file = path.join(world.dataDir, "identity.json");
    const { fingerprintKey, ...older } = JSON.parse(await readFile(file, "utf8")) as {
      readonly fingerprintKey: string;
    };
    expect(fingerprintKey).toBe(first.fingerprintKey);
    await writeFile(file, JSON.stringify(older));
    const upgraded = await loadOrEnroll({ ...options, token: undefined }, stopAfterTest());
    expect(upgraded.current()).toEqual(again.current());
    expect(upgraded.fingerprintKey).not.toBe("");
    const restarted = await loadOrEnroll({ ...options, token: undefined }, stopAfterTest());
    expect(restarted.fingerprintKey).toBe(upgraded.fingerprintKey);
  });
});

describe("renewing an identity", () => {
  it("R31, T27: takes a new key at half life, reconnects with it, and keeps it over a restart", async () => {
    await using world = await createWorld({ clientLifetimeMs: 10_000 });
    const options = world.agentOptions(world.invite("dev-1"));
    const identity = await loadOrEnroll(options, stopAfterTest());
    const first = identity.current();
    // The certificate began 5 minutes ago and ends in 10 s, so that its half life is over: due at once.
    const agent = world.connect(identity);
    await expect.poll(() => identity.current().certificate, { timeout: 10_000 }).not.toBe(first.certificate);
    expect(identity.current().privateKey).not.toBe(first.privateKey);
    await expect.poll(() => agent.connections, { timeout: 10_000 }).toBeGreaterThan(0);
    const restarted = await loadOrEnroll(options, stopAfterTest());
    expect(restarted.current().cluster).toBe("dev-1");
    expect(restarted.current().certificate).not.toBe(first.certificate);
  });

  it("R31, T27: comes back after a sleep that was longer than its certificate, without a new token", async () => {
    await using world = await createWorld({ clientLifetimeMs: 1_000 });
    const options = world.agentOptions(world.invite("dev-1"));
    const identity = await loadOrEnroll(options, stopAfterTest());
    await expect
      .poll(() => Date.now() > identityValidity(identity.current()).notAfterMs, { timeout: 5_000 })
      .toBe(true);
    await world.restartHub({ clientLifetimeMs: 24 * hourMs });
    const agent = world.connect(await loadOrEnroll(options, stopAfterTest()));
    await expect.poll(() => agent.connections, { timeout: 10_000 }).toBe(1);
    expect(world.hub.renewed).toEqual(["dev-1"]);
  });

  it("is refused once the hub's recovery window is over", async () => {
    await using world = await createWorld({ clientLifetimeMs: 1_000 });
    const identity = await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    const first = identity.current();
    await world.restartHub({ hubClock: { ...systemClock, now: () => Date.now() + 31 * 24 * hourMs } });
    const agent = world.connect(identity);
    await expect.poll(() => world.warnings(), { timeout: 10_000 }).toContain("certificate could not be renewed");
    expect(agent.connections).toBe(0);
    expect(world.hub.renewed).toEqual([]);
    expect(identity.current()).toEqual(first);
  });

  it("is refused for a cluster that the hub no longer knows", async () => {
    await using world = await createWorld({ clientLifetimeMs: 10_000 });
    const identity = await loadOrEnroll(world.agentOptions(world.invite("dev-1")), stopAfterTest());
    const first = identity.current();
    world.hub.removed.add("dev-1");
    world.connect(identity);
    await expect.poll(() => world.warnings(), { timeout: 10_000 }).toContain("certificate could not be renewed");
    expect(identity.current()).toEqual(first);
  });
});

/** A hub that knows tokens and clusters, as the real one does, but keeps them in memory. */
class EnrollingHub extends HubRecorder implements HubLinkHandler {
  readonly requests: EnrollRequest[] = [];
  readonly renewed: string[] = [];
  readonly removed = new Set<string>();
  readonly invited = new Map<string, string>();
  readonly #signing = createSigningKey();
  authority: Authority;

  constructor(authority: Authority) {
    super();
    this.authority = authority;
  }

  override async enroll(request: EnrollRequest): Promise<EnrollResponse> {
    this.requests.push(request);
    const { id } = parseJoinToken(request.token);
    const cluster = this.invited.get(id);
    if (cluster === undefined) throw new DroverError("join_refused", "the join token is unknown");
    this.invited.delete(id);
    return this.#issue(cluster, request.csr);
  }

  override async renew({ cluster }: Speaker, { csr }: RenewRequest): Promise<EnrollResponse> {
    if (this.removed.has(cluster)) throw new DroverError("unauthorized", `cluster ${cluster} is not registered`);
    this.renewed.push(cluster);
    return this.#issue(cluster, csr);
  }

  async #issue(cluster: string, csr: Uint8Array): Promise<EnrollResponse> {
    return {
      cluster,
      certificate: await this.authority.issueClient(cluster, csr),
      authority: this.authority.certificate,
      signingKey: this.#signing.publicPem,
      signingKeyId: this.#signing.id,
    };
  }
}

interface WorldOptions {
  readonly clientLifetimeMs?: number;
  readonly hubClock?: Clock;
}

async function createWorld(options: WorldOptions = {}) {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), "drover-enroll-"));
  parts.defer(() => rm(folder, { recursive: true }));
  const authorityWith = ({ clientLifetimeMs }: WorldOptions): Promise<Authority> =>
    loadAuthority(path.join(folder, "hub"), {
      clock: systemClock,
      ...(clientLifetimeMs === undefined ? {} : { clientLifetimeMs }),
    });
  const authority = await authorityWith(options);
  const hub = new EnrollingHub(authority);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const lines: string[] = [];
  const log = createLog("agent", "warn", { write: (line) => void lines.push(line) });
  const startHub = async (clock: Clock): Promise<() => Promise<void>> => {
    const link = createHubEnd({ address, authority: hub.authority, clock, log: silentLog });
    const { promise: ready, resolve } = Promise.withResolvers<string>();
    const stop = start((signal) => link.run(hub, resolve, signal));
    await ready;
    return stop;
  };
  let stopHub = await startHub(options.hubClock ?? systemClock);
  parts.defer(() => stopHub());
  const owned = parts.move();
  const dataDir = path.join(folder, "agent");
  return {
    hub,
    authority,
    port,
    address,
    dataDir,
    invite: (cluster: string): string => {
      const token = createJoinToken(authority.pin);
      hub.invited.set(token.id, cluster);
      return formatJoinToken(token);
    },
    agentOptions: (token: string): EnrollOptions => ({
      dataDir,
      token,
      addresses: new HubAddresses(address),
      clusterUid: "uid-1",
      agentVersion: "1.2.3",
      clock: systemClock,
      random: () => 0.1,
      log: silentLog,
    }),
    connect: (identity: HeldIdentity): AgentRecorder => {
      const recorder = new AgentRecorder();
      owned.defer(startAgentEnd(recorder, { address, identity, log }));
      return recorder;
    },
    restartHub: async (next: WorldOptions): Promise<void> => {
      await stopHub();
      hub.authority = await authorityWith(next);
      stopHub = await startHub(next.hubClock ?? systemClock);
    },
    /** What the agent's link warned of. */
    warnings: (): string => lines.join(""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
