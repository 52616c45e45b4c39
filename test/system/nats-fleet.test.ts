import { brokerUserOf, parseBrokerAccess } from "@drover/shared/link/broker";
import { afterAll, beforeAll, expect, it } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { drover } from "./cli.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const patience = { timeout: 20_000, interval: 50 };

/** One fleet whose agents know the broker only, through what a broker does to it. */
function fleetOverNats(): void {
  let fleet: Fleet;
  const targets = ["web@dev-1", "web@dev-2"];

  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      link: "nats",
      clusters: { "dev-1": { env: "dev" }, "dev-2": { env: "dev" } },
      files: {
        "apps/web/drover.yaml": application("web", "web") + placement("web", { env: "dev" }),
        "apps/web/web.yaml": configMap("web", { round: "0" }),
      },
    });
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  const commit = async (round: string): Promise<string> =>
    fleet.tree.commit(`round ${round}`, { "apps/web/web.yaml": configMap("web", { round }) });
  const mapOn = async (cluster: string) => fleet.cluster(cluster).get("web", "configmap/web");

  it("joins, applies and reports with no port of the hub in reach", async () => {
    await fleet.settle(await commit("1"), targets);
    expect((await mapOn("dev-1"))?.data).toEqual({ round: "1" });
  });

  it("prints a manifest whose agent needs nothing but the broker", async () => {
    const joined = await drover(fleet.url, ["join", "dev-3", "--link", "nats"], { env: { DROVER_TOKEN: fleet.token } });
    expect(joined.stdout).toMatch(/name: DROVER_LINK\n +value: nats\n/u);
    const word = /^ {2}broker: "(?<word>[^"]+)"$/mu.exec(joined.stdout)?.groups?.["word"] ?? "";
    expect(brokerUserOf(parseBrokerAccess(word)).cluster).toBe("dev-3");
    await fleet.client.clusters.remove("dev-3", AbortSignal.timeout(5_000));
  });

  it("goes on alone while the broker is gone, and converges when an empty one comes in its place", async () => {
    await fleet.broker?.kill();
    await fleet.cluster("dev-1").run("delete", "configmap", "web", "--namespace", "web");
    const head = await commit("2");
    await expect.poll(async () => (await mapOn("dev-1"))?.data, patience).toEqual({ round: "1" });
    await fleet.broker?.restart();
    await fleet.settle(head, targets);
  });

  it("moves an agent to the other link and back without touching a workload", async () => {
    const { agent, agentArgs, writes } = fleet.cluster("dev-1");
    const uid = (await mapOn("dev-1"))?.metadata.uid;
    const before = await writes();
    // Until the hub has granted it a user of its own, an agent comes back only with what it was invited by.
    await expect.poll(agent.log, patience).toContain("the hub vouches for this agent");
    const own = agentArgs.filter((_, index) => !agentArgs.slice(index - 1, index + 1).includes("--broker-access"));
    for (const args of [[...own, "--link", "grpc", "--hub-address", fleet.link], own]) {
      await agent.stop();
      agent.start(args);
      await agent.ready();
      const connected = async () => (await fleet.client.clusters.get("dev-1", AbortSignal.timeout(5_000))).connected;
      await expect.poll(connected, patience).toBe(true);
    }
    expect(await writes()).toBe(before);
    expect((await mapOn("dev-1"))?.metadata.uid).toBe(uid);
    await fleet.settle(await commit("3"), targets);
  });
}

describeWithRig("nats-server", "kubectl", "git")("a fleet over NATS", fleetOverNats);
