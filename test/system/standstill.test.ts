import { beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { expectEachTakenOnce, floor, patience, shareFaultFleet, signal } from "./fault-fleet.ts";

const names = ["dev-1", "dev-2"];
const targets = names.map((name) => `shop@${name}`);

interface Stoppable {
  pause(): void;
  resume(): void;
}

async function whileStopped(stopped: Stoppable, work: () => Promise<void>): Promise<void> {
  stopped.pause();
  try {
    await work();
  } finally {
    stopped.resume();
  }
}

describe("a process that stands still for longer than silence may last", () => {
  const world = shareFaultFleet(names);
  const writes = () => Promise.all(names.map((name) => world().fleet.cluster(name).writes()));
  const since = async (before: readonly number[]): Promise<readonly number[]> =>
    (await writes()).map((count, index) => count - (before[index] ?? 0));
  /** What one commit makes each agent write. */
  let usual: readonly number[] = [];
  beforeAll(async () => {
    const before = await writes();
    await world().fleet.settle(await world().commit(), targets);
    usual = await since(before);
  });

  it("R32: an agent is shown as offline since then while others go on, and catches up with one write of the newest", async () => {
    const { fleet, ...shop } = world();
    const uids = await shop.uids();
    const before = await writes();
    const stoppedAt = Date.now();
    let head = "";
    await whileStopped(fleet.cluster("dev-1").agent, async () => {
      await shop.edit("dev-1");
      for (let n = 0; n < floor; n += 1) {
        head = await shop.commit();
        await shop.untilRound("dev-2", world().round);
      }
      await shop.heal("dev-2", world().round);
      expect((await shop.untilState("dev-1", "offline")).since).toBeGreaterThan(stoppedAt);
      await shop.untilState("dev-2", "current");
      await shop.untilRound("dev-1", "drift");
    });
    await fleet.settle(head, targets);
    await shop.untilRound("dev-1", world().round);
    expect(await shop.uids()).toEqual(uids);
    // The drift and the newest commit, whatever came between.
    const [written = 0] = await since(before);
    expect(written).toBeLessThanOrEqual(2 * (usual[0] ?? 0));
    await expectEachTakenOnce(world(), names);
  });

  it("R6, E65: a hub leaves its agents healing, and has them all again without saying anything twice", async () => {
    const { fleet, round, ...shop } = world();
    const uids = await shop.uids();
    const { pid } = fleet.hub;
    const losses = await Promise.all(names.map(shop.losses));
    let head = "";
    let before: readonly number[] = [];
    await whileStopped(fleet.hub, async () => {
      head = await shop.commit();
      await Promise.all(names.map((name) => shop.heal(name, round)));
      await vi.waitFor(async () => {
        for (const [index, name] of names.entries())
          expect(await shop.losses(name)).toBeGreaterThan(losses[index] ?? 0);
      }, patience);
      await Promise.all(names.map((name) => shop.heal(name, round)));
      before = await writes();
    });
    await fleet.settle(head, targets);
    for (const name of names) await shop.untilState(name, "current");
    expect([fleet.hub.pid, fleet.hub.running]).toEqual([pid, true]);
    expect(await shop.uids()).toEqual(uids);
    for (const [index, written] of (await since(before)).entries())
      expect(written).toBeLessThanOrEqual(usual[index] ?? 0);
    await expectEachTakenOnce(world(), names);
  });
});

describeWithRig(
  "nats-server",
  "kubectl",
  "git",
)("a broker that stands still for longer than silence may last", () => {
  const world = shareFaultFleet(names, () => ({ link: "nats" }));

  it("R6, R32: agents heal and are shown as offline meanwhile, and what was committed arrives once it goes on", async () => {
    const { fleet, ...shop } = world();
    const { broker } = fleet;
    if (broker === undefined) throw new Error("the fleet has no broker");
    const uids = await shop.uids();
    const { round } = world();
    let head = "";
    const server = { pause: () => broker.signal("SIGSTOP"), resume: () => broker.signal("SIGCONT") };
    await whileStopped(server, async () => {
      for (let n = 0; n < floor; n += 1) {
        head = await shop.commit();
        const read = async () => (await fleet.client.sources.get("config", signal)).revision;
        await vi.waitFor(async () => expect(await read()).toBe(head), patience);
      }
      for (const name of names) await shop.untilState(name, "offline");
      await Promise.all(names.map((name) => shop.heal(name, round)));
    });
    await fleet.settle(head, targets);
    for (const name of names) await shop.untilState(name, "current");
    expect(await shop.uids()).toEqual(uids);
    await expectEachTakenOnce(world(), names);
  });
});
