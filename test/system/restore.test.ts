import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { restoreBackup } from "@drover/hub/store/backups";
import { afterAll, beforeAll, expect, it } from "vitest";

import { eventually } from "./eventually.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const signal = AbortSignal.timeout(120_000);
const everywhere = { fleet: "all" };
let fleet: Fleet;

const app = (name: string, round: number) => ({
  [`apps/${name}/drover.yaml`]: application(name, name) + placement(name, everywhere),
  [`apps/${name}/${name}.yaml`]: configMap(name, { round: String(round) }),
});

beforeAll(async () => {
  fleet = await startFleet({ servers: "embedded", clusters: { "dev-1": everywhere }, files: app("shop", 0) });
  await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), ["shop@dev-1"]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

/** Waits until the hub has read Git and holds the cluster back. */
const untilHeld = async (): Promise<void> =>
  eventually(
    async () => {
      const { held, unread } = await fleet.client.recovery.get(signal);
      expect(held.map(({ cluster }) => cluster)).toEqual(["dev-1"]);
      expect(unread).toEqual([]);
    },
    { timeoutMs: 30_000, intervalMs: 50 },
  );

/** Its agent connects at once instead of when its back-off ends, and holds what it has accepted all the same. */
const restartAgent = async (): Promise<void> => {
  const { agent } = fleet.cluster("dev-1");
  await agent.kill();
  agent.start();
};

/** What is in the cluster, by identity and content, and how often the agent has written. */
const look = async () => {
  const { get, writes } = fleet.cluster("dev-1");
  const objects = await Promise.all(["shop", "late"].map(async (name) => get(name, `configmap/${name}`)));
  return { objects: objects.map((object) => [object?.metadata.uid, object?.data]), writes: await writes() };
};

it("R1, R33, E68: changes nothing in a cluster after a restore of yesterday's backup, until a person confirms", async () => {
  const { name } = await fleet.client.backups.make(signal);
  const head = await fleet.tree.commit("today", { ...app("shop", 1), ...app("late", 1) });
  await fleet.settle(head, ["shop@dev-1", "late@dev-1"]);
  const before = await look();

  await fleet.hub.stop();
  await restoreBackup(join(fleet.hubFolder, "backups", name), join(fleet.hubFolder, "hub.db"), Date.now());
  fleet.hub.start();
  await fleet.hub.ready();
  await restartAgent();
  await untilHeld();
  const shown = (await fleet.targets()).map(({ state, reason }) => `${state} ${reason}`);
  expect(new Set(shown)).toEqual(new Set(["pending HubBehind"]));
  expect(await look()).toEqual(before);

  await fleet.client.recovery.confirm({}, signal);
  await fleet.settle(head, ["shop@dev-1", "late@dev-1"]);
  expect((await look()).objects).toEqual(before.objects);
  expect((await fleet.client.recovery.get(signal)).held).toEqual([]);
  // From here on all is as it always was.
  await fleet.settle(
    await fleet.tree.commit("gone", { "apps/late/drover.yaml": undefined, "apps/late/late.yaml": undefined }),
    ["shop@dev-1"],
  );
});

it("R1, E69: adopts what runs when the store is lost, and deletes nothing", async () => {
  const before = await look();
  await fleet.hub.stop();
  await mkdir(join(fleet.hubFolder, "lost"));
  for (const name of ["hub.db", "hub.db-mark"]) {
    await rename(join(fleet.hubFolder, name), join(fleet.hubFolder, "lost", name));
  }
  fleet.hub.start();
  await fleet.hub.ready();
  await fleet.client.clusters.join({ name: "dev-1", labels: everywhere }, signal);
  await fleet.client.sources.add({ name: "config", url: fleet.tree.path, intervalSeconds: 1 }, signal);
  await restartAgent();
  await untilHeld();
  expect(await look()).toEqual(before);
  await fleet.client.recovery.confirm({}, signal);
  const head = (await fleet.tree.git("rev-parse", "HEAD")).trim();
  await fleet.settle(head, ["shop@dev-1"]);
  expect((await look()).objects).toEqual(before.objects);
});
