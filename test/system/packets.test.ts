import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { type Network, networkMissing, startNetwork } from "../rig/network.ts";
import { expectEachTakenOnce, floor, patience, shareFaultFleet } from "./fault-fleet.ts";

const names = ["dev-1"];
const targets = ["shop@dev-1"];
const missing = networkMissing();

describe.skipIf(missing !== undefined)(
  `packets between hub and agent${missing === undefined ? "" : ` [${missing}]`}`,
  () => {
    let network: Network;
    beforeAll(async () => {
      network = await startNetwork();
    });
    afterAll(() => network[Symbol.asyncDispose]());
    const world = shareFaultFleet(names, () => ({ network }));
    const linkPort = (): number => Number(world().fleet.link.split(":")[1]);
    /** One that has failed to connect before would wait longer until it does so again. */
    const fromScratch = async (): Promise<void> => {
      const { agent } = world().fleet.cluster("dev-1");
      await agent.kill();
      agent.start();
      await world().untilState("dev-1", "offline");
      await world().untilState("dev-1", "current");
    };
    const log = () => world().fleet.cluster("dev-1").agent.log();

    it.each([
      { direction: "from", silent: "agent", reason: /the hub was not heard from for \d+ s/u, log },
      { direction: "to", silent: "hub", reason: /"not heard from for \d+ s"/u, log: () => world().fleet.hub.log() },
    ] as const)(
      "R6, E65: that flow one way only ($direction the hub is cut) are noticed by the $silent's silence; the agent heals alone, and all is current when they flow again",
      async ({ direction, reason, log }) => {
        const { fleet, round, ...shop } = world();
        const uids = await shop.uids();
        await fromScratch();
        const earlier = (await log()).length;
        const before = network.struck().lost;
        network.setFaults(linkPort(), { lost: 100, direction });
        await shop.heal("dev-1", round);
        await vi.waitFor(async () => expect((await log()).slice(earlier)).toMatch(reason), patience);
        await shop.untilState("dev-1", "offline");
        const head = await shop.commit();
        await shop.heal("dev-1", round);
        expect(network.struck().lost).toBeGreaterThan(before);
        network.setFaults(linkPort(), {});
        await fleet.settle(head, targets);
        await shop.untilState("dev-1", "current");
        expect(await shop.uids()).toEqual(uids);
        await expectEachTakenOnce(world(), names);
      },
    );

    it("R20: of the hub's that are lost (20 of 100) and overtaken (20 of 100) bring each newest state, and nothing else", async () => {
      const { fleet, ...shop } = world();
      const uids = await shop.uids();
      await fromScratch();
      network.setFaults(linkPort(), { lost: 20, overtaken: 20, direction: "from" });
      for (let n = 0; n < floor; n += 1) {
        await fleet.settle(await shop.commit(), targets);
        await shop.heal("dev-1", world().round);
      }
      const { lost, overtaken } = network.struck();
      network.setFaults(linkPort(), {});
      expect(Math.min(lost, overtaken)).toBeGreaterThan(floor);
      await shop.untilState("dev-1", "current");
      expect(await shop.uids()).toEqual(uids);
      await expectEachTakenOnce(world(), names);
    });
  },
);
