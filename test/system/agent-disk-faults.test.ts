import { describe, expect, it, vi } from "vitest";

import { configMap, mapPath } from "./agent-objects.ts";
import { FailingDisk } from "./failing-disk.ts";
import { field, startLoneAgent, type LoneAgent } from "./lone-agent.ts";

const patience = { timeout: 20_000, interval: 5 } as const;
const untilRound = (agent: LoneAgent, round: string): Promise<void> =>
  vi.waitFor(async () => expect(field(await agent.get(mapPath("held")), "data")).toEqual({ round }), patience);
const heal = async (agent: LoneAgent, round: string): Promise<void> => {
  await agent.edit(mapPath("held"), { data: { round: "drift" } });
  await untilRound(agent, round);
};
const assign = (agent: LoneAgent, round: string) =>
  agent.hub.assign("app", [configMap("held", { round }), configMap("keep", { a: "1" })]);
const start = (disk: FailingDisk) => startLoneAgent("embedded", { controllers: false, disk, dataDir: "/data" });
const keptUid = async (agent: LoneAgent): Promise<unknown> =>
  field(await agent.get(mapPath("keep")), "metadata", "uid");

/** What the agent answered to the newest assignments: the code of its refusal; "" = it has them. */
const answer = (agent: LoneAgent, known: number): Promise<string> =>
  vi.waitFor(() => {
    expect(agent.hub.acknowledgements.length).toBeGreaterThan(known);
    return agent.hub.acknowledgements.at(-1)?.refusal?.code ?? "";
  }, patience);

/** What the agent reports of a bundle that it has taken: why it cannot apply it; "" = it has. */
const untilToldOf = (agent: LoneAgent, bundle: string): Promise<string> =>
  vi.waitFor(() => {
    const report = agent.hub.report("app");
    if (report?.bundle !== bundle || (report.applied !== bundle && report.reason === ""))
      throw new Error("it has not said yet");
    return report.applied === bundle ? "" : report.reason;
  }, patience);

describe("an agent's disk", () => {
  it("E73: that fails with EIO from its n-th call on, for every n, keeps it from nothing but what is new, which it says", async () => {
    const disk = new FailingDisk(1);
    await using agent = await start(disk);
    await agent.untilApplied("app", assign(agent, "0").bundle);
    const uid = await keptUid(agent);
    let held = "0";
    const refusals: string[] = [];
    for (let calls = 0; calls < 100; calls += 1) {
      const known = agent.hub.acknowledgements.length;
      disk.setFaults({ callsLeft: calls });
      const { bundle } = assign(agent, String(calls + 1));
      const code = await answer(agent, known);
      const outcome = code === "" ? await untilToldOf(agent, bundle) : code;
      if (outcome === "") held = String(calls + 1);
      else refusals.push(outcome);
      // What it says that it has applied is what it heals to, and nothing of what it could not keep.
      await untilRound(agent, held);
      await heal(agent, held);
      const { struck } = disk;
      disk.setFaults({});
      if (!struck) break;
    }
    expect(new Set(refusals)).toEqual(new Set(["store_failed", "ApplyFailed"]));
    await agent.untilApplied("app", assign(agent, "last").bundle);
    expect(await keptUid(agent)).toBe(uid);
    await agent.stop();
  });

  it("E73: that takes 100 ms a sync has what the agent has acknowledged when its power is cut", async () => {
    const disk = new FailingDisk(2);
    await using agent = await start(disk);
    await agent.untilApplied("app", assign(agent, "0").bundle);
    const uid = await keptUid(agent);
    disk.setFaults({ syncMs: 100 });
    for (const round of ["1", "2", "3"]) {
      const known = agent.hub.acknowledgements.length;
      assign(agent, round);
      expect(await answer(agent, known)).toBe("");
      await agent.stop();
      disk.cutPower();
      agent.start();
      await untilRound(agent, round);
      await heal(agent, round);
    }
    expect(await keptUid(agent)).toBe(uid);
    await agent.stop();
  });

  it("E73: that lied about what it has written costs nothing in the cluster when its power is cut", async () => {
    const disk = new FailingDisk(3);
    await using agent = await start(disk);
    disk.setFaults({ lies: true });
    await agent.untilApplied("app", assign(agent, "0").bundle);
    const uid = await keptUid(agent);
    for (const round of ["1", "2", "3"]) {
      await agent.untilApplied("app", assign(agent, round).bundle);
      await agent.stop();
      disk.cutPower();
      agent.takeRequests();
      agent.start();
      await heal(agent, round);
      expect(agent.takeRequests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
    }
    expect(await keptUid(agent)).toBe(uid);
    await agent.stop();
  });
});
