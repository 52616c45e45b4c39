import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet, type Servers } from "./fleet.ts";

const commits = 50;
/** Longer than the agent waits before it undoes the same again, since each kill may leave a write behind. */
const waiting = { timeout: 60_000, interval: 50 } as const;

/** Kills at random moments; the seed of a run is in the title of what fails, and moments are real time. */
function survivesKills(servers: Servers): void {
  let fleet: Fleet;
  const names = ["dev-1", "prod-1"];
  const targets = ["shop@dev-1", "shop@prod-1"];
  const content = (round: number): string =>
    [configMap("shop", { round: String(round) }), configMap("keep", { always: "here" })].join("---\n") +
    (round % 2 === 0 ? `---\n${configMap("even", { round: String(round) })}` : "");

  beforeAll(async () => {
    fleet = await startFleet({
      servers,
      clusters: { "dev-1": { fleet: "all" }, "prod-1": { fleet: "all" } },
      files: {
        "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", { fleet: "all" }),
        "apps/shop/shop.yaml": content(0),
      },
    });
    await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), targets);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  /** Commits fast while something dies now and then; at the end everything is as the last commit says. */
  const commitWhile = async (disturb: () => Promise<void>): Promise<void> => {
    const uids = await Promise.all(
      names.map(async (name) => (await fleet.cluster(name).get("shop", "configmap/keep"))?.metadata.uid),
    );
    let head = "";
    for (let round = 1; round <= commits; round += 1) {
      head = await fleet.tree.commit(`round ${round}`, { "apps/shop/shop.yaml": content(round) });
      if (round % 5 === 0) {
        await pause(randomInt(200));
        await disturb();
      }
    }
    await fleet.settle(head, targets);
    for (const [index, name] of names.entries()) {
      const cluster = fleet.cluster(name);
      // What a killed agent had sent may arrive after all, and is undone.
      await vi.waitFor(async () => {
        expect((await cluster.get("shop", "configmap/shop"))?.data).toEqual({ round: String(commits) });
        expect((await cluster.get("shop", "configmap/even"))?.data).toEqual({ round: String(commits) });
      }, waiting);
      // What every commit contains was never deleted, not even for a moment.
      expect((await cluster.get("shop", "configmap/keep"))?.metadata.uid).toBe(uids[index]);
    }
  };

  it("R20: converges to the last of 50 commits when the hub is killed at random moments, and prunes nothing wrongly", async () => {
    await commitWhile(async () => {
      await fleet.hub.kill();
      fleet.hub.start();
    });
  });

  it("R20: converges to the last of 50 commits when agents are killed at random moments, and prunes nothing wrongly", async () => {
    await commitWhile(async () => {
      const { agent } = fleet.cluster(names[randomInt(names.length)] ?? "dev-1");
      await agent.kill();
      agent.start();
    });
  });
}

describe("kills on embedded clusters", () => {
  survivesKills("embedded");
});
describeWithRig(
  "kube-apiserver",
  "etcd",
  "kubectl",
)("kills on real API servers", () => {
  survivesKills("real");
});
