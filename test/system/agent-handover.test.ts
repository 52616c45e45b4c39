import { encodeBundle } from "@drover/shared/bundle";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { field, startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;
const bundleOf = (objects: readonly KubeObject[]) => encodeBundle(objects).bundle.digest;

function suite(server: Server): void {
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent(server);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  let count = 0;
  /** Two applications with an object of their own each; the first also has one that moves to the second. */
  const startMove = async () => {
    const id = (count += 1);
    const [from, to] = [`from-${id}`, `to-${id}`];
    const moved = configMap(`moved-${id}`, { a: "1" });
    const path = mapPath(`moved-${id}`);
    const less = [configMap(`from-${id}`, {})];
    const more = [configMap(`to-${id}`, {}), moved];
    await agent.untilApplied(from, agent.hub.assign(from, [...less, moved]).bundle);
    await agent.untilApplied(to, agent.hub.assign(to, more.slice(0, 1)).bundle);
    const uid = field(await agent.get(path), "metadata", "uid");
    const untilMoved = async (): Promise<void> => {
      await agent.untilApplied(to, bundleOf(more));
      await agent.untilApplied(from, bundleOf(less));
      expect(await describeMoved()).toEqual({ uid, application: to });
    };
    const describeMoved = async () => {
      const metadata = field(await agent.get(path), "metadata");
      return {
        uid: field({ metadata }, "metadata", "uid"),
        application: field({ metadata }, "metadata", "labels", "drover.dev/application"),
      };
    };
    return { from, to, less, more, moved, path, uid, untilMoved, describeMoved };
  };
  const reconnect = (): void => {
    agent.hub.setConnected(false);
    agent.hub.setConnected(true);
  };

  it("case 52: E44: hands an object that moves in one assignment over, and does not make it anew", async () => {
    const { from, to, less, more, untilMoved } = await startMove();
    agent.hub.assignTogether({ [from]: less, [to]: more });
    await untilMoved();
    const deletions = agent.takeRequests().filter((request) => request.startsWith("DELETE"));
    expect(deletions).toEqual([]);
    agent.hub.bury(from);
    await agent.untilReported(from, { phase: "removed" });
    await untilHas(to, 2);
  });

  it("case 52: E44: waits with the deletion while the bundle of the new owner cannot be had, over a restart", async () => {
    const { from, to, less, more, uid, describeMoved, untilMoved } = await startMove();
    agent.hub.withheld.add(bundleOf(more));
    agent.hub.assignTogether({ [from]: less, [to]: more });
    const waiting = { apply: "pruning", reason: "WaitingForBundle", message: expect.stringContaining(`"${to}"`) };
    await agent.untilReported(from, { phase: "applying", objects: [waiting, { apply: "applied" }] });
    const seen = agent.hub.reports.length;
    await agent.restart();
    await vi.waitFor(() => {
      const newer = agent.hub.reports.slice(seen).findLast(({ application }) => application === from);
      expect(newer).toMatchObject({ objects: [waiting, { apply: "applied" }] });
    }, patience);
    expect(await describeMoved()).toEqual({ uid, application: from });
    agent.hub.withheld.clear();
    reconnect();
    await untilMoved();
  });

  it("R2, case 46: asks a person about what leaves, also when it had to wait for the bundle of another one first", async () => {
    const id = (count += 1);
    const [from, to] = [`from-${id}`, `to-${id}`];
    const all = Array.from({ length: 14 }, (_, index) => configMap(`many-${id}-${index}`, {}));
    const other = [configMap(`other-${id}`, { a: "2" })];
    await agent.untilApplied(from, agent.hub.assign(from, all).bundle);
    await agent.untilApplied(to, agent.hub.assign(to, [configMap(`other-${id}`, { a: "1" })]).bundle);
    agent.takeRequests();
    agent.hub.withheld.add(bundleOf(other));
    agent.hub.assignTogether({ [from]: all.slice(0, 3), [to]: other });
    await vi.waitFor(() => {
      const objects = agent.hub.report(from)?.objects.filter(({ reason }) => reason === "WaitingForBundle");
      expect(objects).toHaveLength(11);
    }, patience);
    agent.hub.withheld.clear();
    reconnect();
    await agent.untilApplied(to, bundleOf(other));
    await agent.untilReported(from, { heldPrune: { objects: 11, reason: "ManyLeave" } });
    expect(agent.takeRequests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("case 52: E44: waits with the takeover while the bundle of the old owner cannot be had", async () => {
    const { from, to, more, moved, uid, describeMoved } = await startMove();
    const changed = [configMap("changed", {})];
    agent.hub.withheld.add(bundleOf(changed));
    agent.hub.assignTogether({ [from]: changed, [to]: more });
    const waiting = { key: { name: moved.metadata.name }, apply: "pending", reason: "WaitingForBundle" };
    await agent.untilReported(to, { phase: "applying", objects: [waiting, { apply: "applied" }] });
    expect(await describeMoved()).toEqual({ uid, application: from });
    agent.hub.withheld.clear();
    reconnect();
    await agent.untilApplied(to, bundleOf(more));
    await agent.untilApplied(from, bundleOf(changed));
    expect(await describeMoved()).toEqual({ uid, application: to });
  });

  it("case 52: E44: hands over what a buried application had, also when the agent has lost its disk", async () => {
    const { from, to, more, uid, describeMoved } = await startMove();
    await agent.stop();
    agent.hub.bury(from);
    agent.hub.assign(to, more);
    await agent.restart({ loseDisk: true });
    await agent.untilReported(from, { phase: "removed" });
    await agent.untilApplied(to, bundleOf(more));
    expect(await describeMoved()).toEqual({ uid, application: to });
  });

  it("E43: leaves an object that two want with the first, and tells the second who has it", async () => {
    const { from, to, more, moved, path, uid, describeMoved } = await startMove();
    agent.hub.assign(to, [...more.slice(0, 1), { ...moved, data: { a: "theirs" } }]);
    const conflict = { apply: "failed", reason: "Conflict", message: expect.stringContaining(`"${from}"`) };
    await agent.untilReported(to, { phase: "failed", reason: "Conflict", objects: [conflict, { apply: "applied" }] });
    agent.takeRequests();
    await agent.restart();
    const { bundle } = agent.hub.assign(to, [...more.slice(0, 1), { ...moved, data: { a: "theirs again" } }]);
    await agent.edit(path, { data: { a: "edited" } });
    await vi.waitFor(async () => expect(field(await agent.get(path), "data")).toEqual({ a: "1" }), patience);
    await agent.untilReported(to, { bundle, phase: "failed", reason: "Conflict" });
    expect(await describeMoved()).toEqual({ uid, application: from });
    agent.hub.bury(to);
    await agent.untilReported(to, { phase: "removed" });
    expect(await describeMoved()).toEqual({ uid, application: from });
    const requests = agent.takeRequests().filter((request) => request.includes(moved.metadata.name));
    expect(requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
    // The first one's repair is the only write: the second never got as far as a request.
    expect(requests.filter((request) => request.startsWith("PATCH"))).toHaveLength(1);
  });

  it("E43: gives the object to the second as soon as the first is removed", async () => {
    const { from, to, more, uid, describeMoved } = await startMove();
    agent.hub.assign(to, more);
    await agent.untilReported(to, { phase: "failed", reason: "Conflict" });
    agent.hub.bury(from);
    await agent.untilReported(from, { phase: "removed" });
    await agent.untilApplied(to, bundleOf(more));
    expect(await describeMoved()).toEqual({ uid, application: to });
  });

  const untilHas = async (application: string, objects: number): Promise<void> => {
    await vi.waitFor(() => expect(agent.hub.report(application)?.objects).toHaveLength(objects), patience);
  };
}

describe("agent hands objects over on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent hands objects over on the real API server", () => {
  suite("real");
});
