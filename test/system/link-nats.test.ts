import { join } from "node:path";

import { startRelay } from "@drover/agent/link/nats";
import { type BrokerKeys, loadBrokerKeys } from "@drover/hub/link/broker-keys";
import { withNats } from "@drover/hub/link/nats";
import { systemClock } from "@drover/shared/clock";
import { type BrokerAccess, downSubject, upSubject } from "@drover/shared/link/broker";
import { type BrokerConnection, connectBroker } from "@drover/shared/link/broker-connection";
import { describeLink } from "@drover/shared/link/link.contract";
import { silentLog } from "@drover/shared/log";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { type Nats, startNats } from "../rig/nats.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";
import { type CreateCarrier, createLinkWorld } from "./link-world.ts";

let keys: BrokerKeys;
let nats: Nats;
let folder: TemporaryFolder;
const outside = { clock: systemClock, log: silentLog };

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

  describe("what a user of one cluster may do at the broker", describeRights);
});

const carry: CreateCarrier = async () => ({
  target: { host: "127.0.0.1", port: Number(new URL(nats.url).port) },
  hubEnd: (link) =>
    withNats(link, { access: () => ({ servers: nats.url, ...keys.hubUser() }), random: () => 0.1, ...outside }),
  async agentAddress(cluster, wire, parts) {
    const access = accessOf(cluster, 3_600_000, `nats://${wire.host}:${wire.port}`);
    return parts.use(await startRelay({ access: () => access, ...outside })).address;
  },
});

function accessOf(cluster: string, lifetimeMs: number, servers = nats.url): BrokerAccess {
  return { servers, ...keys.clusterUser(cluster, systemClock.now() + lifetimeMs) };
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
  ])("refuses that it publishes on %s", async (subject) => {
    const connection = await connectBroker(accessOf("dev-1", 60_000), "test", signal);
    onTestFinished(() => connection.close());
    const refusals = refusalsOf(connection);
    connection.publish(subject, "x");
    await expect.poll(() => refusals).toEqual([expect.stringContaining(subject)]);
  });

  it.each([downSubject("dev-2", "*"), upSubject("dev-1", "*"), "_INBOX.>", ">", "drover.v1.down.>"])(
    "refuses that it listens to %s",
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
