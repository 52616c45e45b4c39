import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { describe, expect, it, vi } from "vitest";

import { mountSmallDisk } from "../rig/small-disk.ts";
import { bundle } from "./bundle.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const signal = AbortSignal.timeout(170_000);
const patience = { timeout: 60_000, interval: 50 } as const;
const everywhere = { fleet: "all" };
const target = ["shop@dev-1"];
const files = (round: string) => ({
  "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", everywhere),
  "apps/shop/shop.yaml": configMap("shop", { round }),
});

/** Where a hub has its data, which a test can make full. */
interface Disk {
  readonly path: string;
  fill(): Promise<void>;
  free(): Promise<void>;
}

async function startOn(disk: Disk, hub: string, parts: AsyncDisposableStack): Promise<Fleet> {
  return parts.use(
    await startFleet({
      servers: "embedded",
      clusters: { "dev-1": everywhere },
      files: files("0"),
      programs: { hub, agent: bundle("agent") },
      hubFolder: join(disk.path, "hub"),
      hubArgs: ["--reserve-mib", "1"],
    }),
  );
}

async function survives(disk: Disk, fleet: Fleet): Promise<void> {
  const { client, hub } = fleet;
  const { agent, get, run } = fleet.cluster("dev-1");
  const round = async (): Promise<string | undefined> => (await get("shop", "configmap/shop"))?.data?.["round"];
  const { pid } = hub;
  await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), target);
  /** What a person decides: the code of the answer; "" = it was taken. */
  let asked = 0;
  const decide = async (): Promise<string> => {
    asked += 1;
    const labels = { note: "x".repeat(50) };
    const joining = client.clusters.join({ name: `c-${asked}`, labels, link: "grpc" }, signal);
    return joining.then(
      () => "",
      (cause: unknown) => DroverError.from(cause).code,
    );
  };
  expect(await decide()).toBe("");

  // The reserve gives its room away as soon as anything has to be written, and people are refused from then on.
  await disk.fill();
  await vi.waitFor(async () => expect(await decide()).toBe("store_full"), patience);
  await disk.fill();
  const told = async (): Promise<readonly string[]> =>
    (await Array.fromAsync(client.events.all({}, signal))).map(({ message }) => message);
  await vi.waitFor(async () => expect(await told()).toContain("the hub's disk is full: it takes no changes"), patience);
  const metrics = await fetch(`${fleet.url}/metrics`, { headers: { authorization: `Bearer ${fleet.token}` } });
  expect(await metrics.text()).toContain("drover_store_full 1");

  // Agents stay, heal, and are shown; what is new in Git waits, and its source says why.
  await run("patch", "configmap", "shop", "--namespace=shop", "--patch", '{"data":{"round":"drift"}}');
  await vi.waitFor(async () => expect(await round()).toBe("0"), patience);
  const head = await fleet.tree.commit("1", files("1"));
  const reasons = async (): Promise<readonly string[]> =>
    (await client.sources.get("config", signal)).conditions.map(({ reason }) => reason);
  await vi.waitFor(async () => expect(await reasons()).toContain("store_full"), patience);
  expect(await decide()).toBe("store_full");
  const [shown] = await fleet.targets();
  expect(shown?.state).not.toBe("offline");

  // Nobody does anything but make room.
  await disk.free();
  await fleet.settle(head, target);
  await vi.waitFor(async () => expect(await told()).toContain("there is room on the hub's disk again"), patience);
  expect(await decide()).toBe("");
  expect(await round()).toBe("1");
  expect([hub.pid, hub.running, agent.running]).toEqual([pid, true, true]);
  // What was acknowledged is there in the next process, and nothing that was refused.
  const names = (await Array.fromAsync(client.clusters.all({}, signal))).map(({ name }) => name);
  await hub.kill();
  hub.start();
  await hub.ready();
  expect((await Array.fromAsync(client.clusters.all({}, signal))).map(({ name }) => name)).toEqual(names);
  await fleet.settle(head, target);
}

describe("R23: a hub whose disk is full takes no decisions, goes on with the rest, and recovers by itself", () => {
  const small = mountSmallDisk(16);
  it.skipIf(small === undefined)("on a small disk (needs leave to mount a tmpfs)", async () => {
    if (small === undefined) return;
    await using parts = new AsyncDisposableStack();
    parts.use(small);
    const disk: Disk = {
      path: small.path,
      fill: () => Promise.resolve(small.fill()),
      free: () => Promise.resolve(small.free()),
    };
    await survives(disk, await startOn(disk, bundle("hub"), parts));
  });

  it("as SQLite and the file system tell it", async () => {
    await using parts = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "drover-full-hub-"));
    parts.defer(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
    const flag = join(path, "hub.full");
    const disk: Disk = { path, fill: () => writeFile(flag, ""), free: () => rm(flag) };
    await survives(disk, await startOn(disk, join(import.meta.dirname, "full-disk-hub.ts"), parts));
  });
});
