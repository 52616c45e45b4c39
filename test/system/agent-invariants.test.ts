import type { KubeObject } from "@drover/shared/kube/manifest";
import { createSteadyClock } from "@drover/shared/steady-clock";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, described, mapPath, widget, widgets } from "./agent-objects.ts";
import { field, startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { isAbout, shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;
const home = "drover-system";
const rights = "/apis/rbac.authorization.k8s.io/v1/clusterroles/drover-agent";

/** What a bundle should not have: the agent's namespace, its Deployment, an inventory and its rights. */
function agentItself(app: string): readonly KubeObject[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: home, labels: { stolen: "yes" } } },
    described(deployment("drover-agent", 0), { namespace: home }),
    configMap(`drover-inventory-${app}`, {}, home),
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "drover-agent" }, rules: [] },
  ];
}

/** The agent that runs, of an older version: in its place, beside it, and where only the assignment says where. */
function olderAgents(running: KubeObject): readonly KubeObject[] {
  const spec = {
    selector: { matchLabels: { app: "drover-agent" } },
    template: {
      metadata: { labels: { app: "drover-agent" } },
      spec: { serviceAccountName: "drover-agent", containers: [{ name: "web", image: "nginx:0" }] },
    },
  };
  const named = (kind: string, name: string): KubeObject => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name, namespace: home },
    spec,
  });
  return [
    { ...running, spec },
    { ...named("Deployment", "drover-agent-older"), metadata: { name: "drover-agent-older" } },
    named("StatefulSet", "drover-agent"),
    named("DaemonSet", "drover-agent"),
    { apiVersion: "v1", kind: "Pod", metadata: { name: "drover-agent", namespace: home }, spec: spec.template.spec },
  ];
}

/** What holds of every agent, whatever happens to it and to the link: the invariants that no other suite is about. */
function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, apply, uidOf, reportOf } = shareAgent(server, {
    prefix: "law",
    controllers: false,
    started: (running) => void (agent = running),
  });

  it("E75: a bundle that has the agent itself is told so; nothing of the agent is written, pruned or removed", async () => {
    const app = fresh();
    // Its namespace is there as soon as the agent has written an inventory.
    await apply(app, [configMap(app, { a: "1" })]);
    const before = await uidOf(`/api/v1/namespaces/${home}`);
    agent.takeRequests();
    agent.hub.assign(app, [...agentItself(app), configMap(app, { a: "2" })]);
    await vi.waitFor(() => {
      const report = agent.hub.report(app);
      expect(report?.objects.filter(({ reason }) => reason === "AgentProtected")).toHaveLength(4);
      expect(report).toMatchObject({ phase: "failed", reason: "AgentProtected" });
      expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    }, patience);
    await apply(app, [configMap(app, { a: "2" })]);
    agent.hub.assign(app, [...agentItself(app), configMap(app, { a: "2" })], { sync: { allOrNothing: true } });
    await agent.untilReported(app, { reason: "BundleRefused" });
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    const isForbidden = (request: string): boolean =>
      /clusterroles|deployments\/drover-agent|namespaces\/drover-system(?:\?|$)/u.test(request) ||
      (request.startsWith("DELETE") && request.includes(`/namespaces/${home}/`) && !request.includes(app));
    expect(writesOf(agent.takeRequests()).filter(isForbidden)).toEqual([]);
    expect(await uidOf(`/api/v1/namespaces/${home}`)).toBe(before);
    expect(field(await agent.get(`/api/v1/namespaces/${home}`), "metadata", "labels", "stolen")).toBeUndefined();
    expect(await agent.get(rights)).toBeUndefined();
  });

  it("T36: an older agent is refused in every form that a bundle may give it, signed as the newest is", async () => {
    const app = fresh();
    await apply(app, [configMap(app, { a: "1" })]);
    const running = described(deployment("drover-agent", 1), { namespace: home });
    const path = `/apis/apps/v1/namespaces/${home}/deployments`;
    await agent.create(path, running);
    const before = await agent.get(`${path}/drover-agent`);
    agent.takeRequests();
    const older = olderAgents(running);
    agent.hub.assign(app, [...older, configMap(app, { a: "2" }, "default")], {
      namespace: home,
      sync: { adopt: "always", drift: "strict", recreate: true },
    });
    await vi.waitFor(() => {
      const report = agent.hub.report(app);
      expect(report?.objects.filter(({ reason }) => reason === "AgentProtected")).toHaveLength(older.length);
      expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    }, patience);
    const hook = { name: "drover-agent", namespace: home, annotations: { "argocd.argoproj.io/hook": "PreSync" } };
    agent.hub.assign(`${app}-hook`, [{ ...running, metadata: hook }]);
    await agent.untilReported(`${app}-hook`, { objects: [{ apply: "failed", reason: "AgentProtected" }] });
    agent.hub.bury(`${app}-hook`);
    // Nor is what runs taken away, when the application no longer has it or is gone.
    await apply(app, [configMap(app, { a: "3" })]);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    const touched = writesOf(agent.takeRequests()).filter((request) => request.includes(`/namespaces/${home}/`));
    expect(touched.filter((request) => !request.includes("inventory"))).toEqual([]);
    expect(await agent.get(`${path}/drover-agent`)).toEqual(before);
    await agent.remove(`${path}/drover-agent`);
  });

  it("R28: one invalid object of fifty stops what depends on it and nothing else, and order holds for the rest", async () => {
    const app = fresh();
    const space = `${app}-space`;
    const names = Array.from({ length: 45 }, (_, index) => `${app}-${index}`);
    const invalid = { ...configMap(`${app}-invalid`, {}, space), data: { "not a key": "1" } };
    const waiting = described(configMap(`${app}-waiting`, {}, space), {
      annotations: { "drover.dev/depends-on": `ConfigMap ${space}/${app}-invalid` },
    });
    const objects = [
      waiting,
      widget(`${app}-widget`, space),
      ...names.map((name) => configMap(name, {}, space)),
      invalid,
      widgets,
      { apiVersion: "v1", kind: "Namespace", metadata: { name: space } },
    ];
    expect(objects).toHaveLength(50);
    agent.takeAnswered();
    agent.hub.assign(app, objects);
    await vi.waitFor(() => {
      const report = agent.hub.report(app);
      expect(report).toMatchObject({ phase: "failed", reason: "Invalid", applied: "" });
      expect(report?.objects.filter(({ apply: state }) => state === "applied")).toHaveLength(48);
      expect(reportOf(app, `${app}-waiting`)).toMatchObject({ apply: "pending" });
    }, patience);
    const answered = writesOf(agent.takeAnswered());
    const place = (name: string): number => answered.findIndex(isAbout(name));
    const first = Math.min(...names.map(place));
    expect(place(space)).toBeLessThan(first);
    expect(place(widgets.metadata.name)).toBeLessThan(place(`${app}-widget`));
    expect(await agent.get(mapPath(`${app}-waiting`, space))).toBeUndefined();
  });

  it("E63: what was removed and declared again under its name while nobody was connected keeps what runs", async () => {
    const app = fresh();
    const objects = [configMap(app, { a: "1" }), deployment(app, 1)];
    await apply(app, objects);
    const paths = [mapPath(app), `/apis/apps/v1/namespaces/default/deployments/${app}`];
    const before = await Promise.all(paths.map(uidOf));
    const missed: number[] = [];
    agent.hub.setConnected(false);
    agent.hub.bury(app);
    missed.push(agent.hub.generation);
    const { bundle } = agent.hub.assign(app, [configMap(app, { a: "2" }), deployment(app, 1)]);
    agent.takeRequests();
    agent.hub.setConnected(true);
    await agent.untilApplied(app, bundle);
    // The tombstone of before arrives after all.
    for (const generation of missed) {
      const tombstones = [{ application: app, reason: "late", detach: false, confirmPrune: "" }];
      agent.hub.hand({ generation, targets: [], tombstones });
      await vi.waitFor(
        () => expect(agent.hub.acknowledgements.at(-1)?.refusal?.code).toBe("assignment_refused"),
        patience,
      );
    }
    expect(await Promise.all(paths.map(uidOf))).toEqual(before);
    expect(agent.takeRequests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  it("E67: after both have restarted at different revisions digests are compared, and only what differs moves", async () => {
    const app = fresh();
    const objects = Array.from({ length: 20 }, (_, index) => configMap(`${app}-${index}`, { a: "1" }));
    await apply(app, objects);
    await agent.stop();
    agent.hub.setConnected(false);
    // Same names, same number, other content of one.
    const { bundle } = agent.hub.assign(app, [...objects.slice(1), configMap(`${app}-0`, { a: "2" })]);
    const { length } = agent.hub.fetched;
    agent.takeRequests();
    agent.start();
    agent.hub.setConnected(true);
    await agent.untilApplied(app, bundle);
    expect(agent.hub.fetched.slice(length)).toHaveLength(2);
    const writes = writesOf(agent.takeRequests()).filter((request) => request.includes(`/configmaps/${app}-`));
    expect(writes).toEqual([expect.stringMatching(new RegExp(`^PATCH .*/configmaps/${app}-0\\?`, "u"))]);
  });
}

const dayMs = 24 * 3_600_000;

/** The agent's clock jumps while it runs, further than any certificate lives. */
function jumps(server: Server): void {
  it("R22: a clock that jumps 400 days ahead and back heals, applies and prunes as ever, and deletes nothing else", async () => {
    let offMs = 0;
    const clock = createSteadyClock({ wall: () => Date.now() + offMs, jumped: () => undefined });
    await using agent = await startLoneAgent(server, { controllers: false, clock, clientClock: clock });
    const data = async (): Promise<unknown> => field(await agent.get(mapPath("kept")), "data");
    const objects = [configMap("kept", { a: "1" }), deployment("web", 1)];
    await agent.untilApplied("app", agent.hub.assign("app", [...objects, configMap("leaves-0", {})]).bundle);
    const uid = async (): Promise<unknown> =>
      field(await agent.get("/apis/apps/v1/namespaces/default/deployments/web"), "metadata", "uid");
    const before = await uid();
    agent.takeRequests();
    for (const [round, days] of [400, -400].entries()) {
      offMs = days * dayMs;
      await agent.edit(mapPath("kept"), { data: { a: `drift ${round}` } });
      await vi.waitFor(async () => expect(await data()).toEqual({ a: "1" }), patience);
      const { bundle } = agent.hub.assign("app", [...objects, configMap(`leaves-${round + 1}`, {})]);
      await agent.untilApplied("app", bundle);
      await vi.waitFor(async () => expect(await agent.get(mapPath(`leaves-${round}`))).toBeUndefined(), patience);
      await agent.restart();
      await agent.edit(mapPath("kept"), { data: { a: `again ${round}` } });
      await vi.waitFor(async () => expect(await data()).toEqual({ a: "1" }), patience);
    }
    const deleted = agent.takeRequests().filter((request) => request.startsWith("DELETE"));
    expect(deleted.map((request) => request.split("?")[0]?.split("/").at(-1))).toEqual(["leaves-0", "leaves-1"]);
    expect(await uid()).toBe(before);
  });
}

describe("what holds of every agent, on the embedded cluster", () => {
  suite("embedded");
  jumps("embedded");
});
describeWithRig("kube-apiserver", "etcd")("what holds of every agent, on the real API server", () => {
  suite("real");
  jumps("real");
});
