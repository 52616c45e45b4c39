import { join } from "node:path";

import { startRelay } from "@drover/agent/link/nats";
import { weaknessOf } from "@drover/hub/core/broker-weakness";
import { type BrokerKeys, loadBrokerKeys } from "@drover/hub/link/broker-keys";
import { withNats } from "@drover/hub/link/nats";
import { systemClock } from "@drover/shared/clock";
import type { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, downSubject, parseUpSubject, upSubject } from "@drover/shared/link/broker";
import { type BrokerConnection, connectBroker } from "@drover/shared/link/broker-connection";
import { encodeFrame } from "@drover/shared/link/frame";
import type { HubLink, HubLinkHandler } from "@drover/shared/link/link";
import { describeLink } from "@drover/shared/link/link.contract";
import { HubRecorder } from "@drover/shared/link/recorders.contract";
import { connectPair, patience, report } from "@drover/shared/link/world.contract";
import { silentLog } from "@drover/shared/log";
import { untilAborted } from "@drover/shared/until-aborted";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";

import { runCommand } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { type Nats, startNats } from "../rig/nats.ts";
import { program } from "../rig/programs.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";
import { messageTricks, startEvilBroker } from "./evil-nats.ts";
import { generationsOf, sayNews, seeded } from "./link-news.ts";
import { type CreateCarrier, createLinkWorld, startTwoAgents } from "./link-world.ts";

let keys: BrokerKeys;
let nats: Nats;
let folder: TemporaryFolder;
const outside = { clock: systemClock, log: silentLog };
/** The rig's server is Debian's, which is old. */
const hubOptions = { random: () => 0.1, acceptOld: true, ...outside };

describeWithRig("nats-server")("over a real broker", () => {
  beforeAll(async () => {
    folder = await temporaryFolder("broker-keys");
    keys = await loadBrokerKeys(join(folder.path, "nats.seeds"), systemClock);
    nats = await startNats({ config: keys.config });
  });
  afterAll(async () => {
    await nats[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  describeLink("NATS", () => createLinkWorld(carry));

  describe("what a user of one cluster may do at the broker", () => {
    describeRights();
  });

  describe("a broker that is weak", () => {
    describeWeakBroker();
  });

  it("T28: a broker that reads, repeats and invents gets no word of it believed, and none told", async () =>
    describeEvilBroker());

  it("T28: of messages that a broker repeats, swaps, drops or replays, none gets through", async () =>
    describeBentMessages());
});

const carry: CreateCarrier = async () => ({
  target: { host: "127.0.0.1", port: Number(new URL(nats.url).port) },
  hubEnd: (link) =>
    withNats(link, { ...hubOptions, access: () => ({ servers: nats.url, ...keys.hubUser() }), told: () => undefined }),
  async agentAddress(cluster, wire, parts) {
    const access = accessOf(cluster, 3_600_000, `nats://${wire.host}:${wire.port}`);
    return parts.use(await startRelay({ access: () => access, ...outside })).address;
  },
});

function accessOf(cluster: string, lifetimeMs: number, servers = nats.url): BrokerAccess {
  return { servers, ...keys.clusterUser(cluster, systemClock.now() + lifetimeMs) };
}

function describeWeakBroker(): void {
  /** Resolves with what the hub makes of a broker first. */
  const verdictOn = async (servers: string, acceptOld: boolean): Promise<DroverError | undefined> => {
    const { promise, resolve } = Promise.withResolvers<DroverError | undefined>();
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const port = {
      async run(_handler: unknown, ready: (address: string) => void, signal: AbortSignal) {
        ready("127.0.0.1:1");
        await untilAborted(signal);
      },
    } as unknown as HubLink;
    const access = (): BrokerAccess => ({ servers, ...keys.hubUser() });
    const running = withNats(port, { ...hubOptions, access, acceptOld, told: resolve }).run(
      {} as unknown as HubLinkHandler,
      () => undefined,
      stop.signal,
    );
    const verdict = await promise;
    stop.abort();
    await running;
    return verdict;
  };

  it("T29: is refused for its age, with its version and what to do, unless people accept it", async () => {
    const [, version = ""] =
      /v(\d+\.\d+\.\d+)/u.exec((await runCommand(program("nats-server"), ["--version"])).stdout) ?? [];
    const isOld = weaknessOf({ version, auth_required: true }, { acceptOld: false }) !== undefined;
    const verdict = await verdictOn(nats.url, false);
    if (isOld) {
      const hint = expect.stringContaining("--nats-old-broker") as string;
      expect(verdict).toMatchObject({ code: "broker_weak", message: expect.stringContaining(version), hint });
    } else expect(verdict).toBeUndefined();
    expect(await verdictOn(nats.url, true)).toBeUndefined();
  });

  it.each([
    ["without any login", "debug: false"],
    ["with no_auth_user", "accounts { A { users [{ user: a, password: b }] } }\nno_auth_user: a"],
  ])("T29: is refused when it lets in strangers, also when its age is accepted: %s", async (_, config) => {
    await using open = await startNats({ config });
    expect(await verdictOn(open.url, true)).toMatchObject({
      code: "broker_weak",
      hint: expect.stringContaining("no_auth_user"),
    });
  });

  it("T29: is not what the hub's own configuration makes: it opens no further listener and asks for a login", async () => {
    await using own = await startNats({ config: keys.config });
    expect(await verdictOn(own.url, true)).toBeUndefined();
    expect(keys.config.match(/^[a-z_]+/gmu)).toEqual(["operator", "resolver", "resolver_preload"]);
  });
}

/** Whoever has the hub's own user hears all tunnels and speaks into them, as the broker itself could. */
async function describeEvilBroker(): Promise<void> {
  const evil = await connectBroker({ servers: nats.url, ...keys.hubUser() }, "evil", new AbortController().signal);
  onTestFinished(() => evil.close());
  const heard: { readonly down: string; readonly data: Uint8Array }[] = [];
  evil.subscribe("drover.v1.up.*.*", {
    callback: (_, { subject, data }) => {
      const down = parseUpSubject(subject)?.down;
      if (down !== undefined) heard.push({ down, data: Uint8Array.from(data) });
    },
  });
  await evil.flush();
  await using pair = await connectPair(() => createLinkWorld(carry));
  pair.agentEnd.link.send({ kind: "report", report: report("told-to-nobody-else", 1) });
  await expect.poll(() => pair.hub.of("reported").length, patience).toBe(1);
  expect(Buffer.concat(heard.map(({ data }) => data)).includes("told-to-nobody-else")).toBe(false);

  const down = heard.at(-1)?.down ?? "";
  evil.publish(down, encodeFrame({ kind: "data", bytes: Buffer.from("generation 7") }));
  await expect.poll(() => pair.agent.connections, patience).toBe(2);
  // What the agent has said before, said to it: none of it is the hub's.
  for (const { data } of heard.slice(0, 50)) evil.publish(heard.at(-1)?.down ?? "", data);
  await expect.poll(() => pair.agent.connections, patience).toBe(3);
  expect(pair.agent.messages).toEqual([]);
  expect(pair.hub.of("reported")).toHaveLength(1);
}

/** Every tunnel that a bent message was in breaks, and the agent comes back by another. */
async function describeBentMessages(): Promise<void> {
  const evil = await startEvilBroker({ host: "127.0.0.1", port: Number(new URL(nats.url).port) }, seeded(6), 16);
  onTestFinished(() => evil[Symbol.asyncDispose]());
  await using world = await createLinkWorld(async (port, parts) => ({
    ...(await carry(port, parts)),
    target: { host: "127.0.0.1", port: evil.port },
  }));
  const hub = await world.startHub(new HubRecorder());
  const agents = await startTwoAgents(world);
  let generation = 0;
  await vi.waitFor(
    () => {
      generation += 1;
      for (const cluster of agents.keys()) sayNews(hub.link, cluster, generation);
      const told = [...agents.values()].map(({ messages: { length } }) => length);
      expect(Math.min(...told)).toBeGreaterThanOrEqual(15);
      expect(Math.min(...[...agents.values()].map(({ connections }) => connections))).toBeGreaterThan(1);
      expect(messageTricks.every((trick) => evil.played.has(trick))).toBe(true);
    },
    { timeout: 90_000, interval: 10 },
  );
  for (const [cluster, { messages }] of agents) {
    const generations = generationsOf(cluster, messages);
    expect(generations).toEqual(generations.toSorted((a, b) => a - b));
  }
}

function describeRights(): void {
  const tunnel = "0".repeat(32);
  const { signal } = new AbortController();

  it.each([
    upSubject("dev-2", tunnel),
    downSubject("dev-1", tunnel),
    "$JS.API.INFO",
    "$SYS.REQ.SERVER.PING",
    "elsewhere",
  ])("T23: refuses that it publishes on %s", async (subject) => {
    const connection = await connectBroker(accessOf("dev-1", 60_000), "test", signal);
    onTestFinished(() => connection.close());
    const refusals = refusalsOf(connection);
    connection.publish(subject, "x");
    await expect.poll(() => refusals).toEqual([expect.stringContaining(subject)]);
  });

  it.each([downSubject("dev-2", "*"), upSubject("dev-1", "*"), "_INBOX.>", ">", "drover.v1.down.>"])(
    "T23: refuses that it listens to %s",
    async (subject) => {
      const connection = await connectBroker(accessOf("dev-1", 60_000), "test", signal);
      onTestFinished(() => connection.close());
      const refused = new Promise((resolve) => {
        connection.subscribe(subject, { callback: (failure) => resolve(failure?.message) });
      });
      expect(await refused).toContain(subject);
    },
  );

  it("ends with its time, and lets nobody in afterwards or with another's seal", async () => {
    const connection = await connectBroker(accessOf("dev-1", 2_000), "test", signal);
    await connection.closed();
    await expect(connectBroker(accessOf("dev-1", -2_000), "test", signal)).rejects.toMatchObject({
      code: "link_closed",
    });
    const foreign = await loadBrokerKeys(join(folder.path, "foreign.seeds"), systemClock);
    const forged = { servers: nats.url, ...foreign.clusterUser("dev-1", systemClock.now() + 60_000) };
    await expect(connectBroker(forged, "test", signal)).rejects.toMatchObject({ code: "link_closed" });
  });
}

function refusalsOf(connection: BrokerConnection): string[] {
  const refusals: string[] = [];
  void (async () => {
    for await (const status of connection.status()) if (status.type === "error") refusals.push(status.error.message);
  })();
  return refusals;
}
