import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, deploymentPath, mapPath, widget, widgets } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 20_000, interval: 20 } as const;
const whole = { sync: { allOrNothing: true } } as const;

/** No server takes it. */
function invalid(name: string): KubeObject {
  return configMap(name, { "no key": "1" });
}

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh } = shareAgent(server, { prefix: "whole", started: (running) => void (agent = running) });
  /** Writes that are no dry runs, to objects with this in their name. */
  const writesTo = (name: string): readonly string[] =>
    writesOf(agent.takeRequests()).filter((request) => request.includes(`/${name}`) && !request.includes("dryRun=All"));
  const untilRefused = (app: string, bundle: string): Promise<void> =>
    agent.untilReported(app, { bundle, phase: "failed", reason: "BundleRefused" });

  it("E49: writes nothing of a bundle of which one object would be refused, and names all that would be", async () => {
    const app = fresh();
    const before = [configMap(app, { a: "1" }), deployment(app, 0)];
    await agent.untilApplied(app, agent.hub.assign(app, before, whole).bundle);
    agent.takeRequests();
    const after = [
      configMap(app, { a: "2" }),
      deployment(app, 0, "other"),
      invalid(`${app}-bad`),
      configMap(`${app}-new`, {}),
    ];
    const { bundle } = agent.hub.assign(app, after, whole);
    await untilRefused(app, bundle);
    const report = agent.hub.report(app);
    expect(report?.message).toContain("nothing was written: the server would refuse 2 of 4 changed objects");
    expect(report?.objects).toMatchObject([
      { apply: "failed", reason: "Invalid", key: { name: `${app}-bad` } },
      { apply: "failed", reason: "Immutable", key: { kind: "Deployment", name: app } },
      { apply: "applied", key: { kind: "ConfigMap", name: app } },
    ]);
    expect(writesTo(app)).toEqual([]);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1" });
    expect(await agent.get(mapPath(`${app}-new`))).toBeUndefined();
    const mended = [configMap(app, { a: "2" }), deployment(app, 0), configMap(`${app}-new`, {})];
    await agent.untilApplied(app, agent.hub.assign(app, mended, whole).bundle);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "2" });
  });

  it("goes on repairing what the bundle before has, over a restart too", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })], whole).bundle);
    const { bundle } = agent.hub.assign(app, [configMap(app, { a: "2" }), invalid(`${app}-bad`)], whole);
    await untilRefused(app, bundle);
    await agent.edit(mapPath(app), { data: { a: "theirs" } });
    await vi.waitFor(async () => expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1" }), patience);
    await agent.stop();
    await agent.remove(mapPath(app));
    agent.start();
    await vi.waitFor(async () => expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1" }), patience);
    await untilRefused(app, bundle);
  });

  it("goes back to the bundle before without a trace", async () => {
    const app = fresh();
    const good = [configMap(app, { a: "1" })];
    const { bundle } = agent.hub.assign(app, good, whole);
    await agent.untilApplied(app, bundle);
    await untilRefused(app, agent.hub.assign(app, [invalid(app)], whole).bundle);
    agent.hub.assign(app, good, whole);
    await agent.untilReported(app, { bundle, phase: "applied", reason: "", objects: [{ apply: "applied" }] });
  });

  it("makes nothing of a first bundle that is refused, and writes what it can once that is no longer asked for", async () => {
    const app = fresh();
    const objects = [configMap(app, {}), invalid(`${app}-bad`)];
    await untilRefused(app, agent.hub.assign(app, objects, whole).bundle);
    expect(await agent.get(mapPath(app))).toBeUndefined();
    agent.hub.assign(app, objects, { sync: { allOrNothing: false } });
    await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toBeDefined(), patience);
    await agent.untilReported(app, { phase: "failed", reason: "Invalid" });
  });

  it("case 42: what needs a namespace or a kind of the same bundle is not refused for want of it", async () => {
    const app = fresh();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: app } };
    const homeless = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: app }, data: { a: "1" } };
    const objects = [widget("one", app), configMap("inside", {}, app), namespace, widgets, homeless];
    const options = { ...whole, namespace: `${app}-made`, createNamespace: true };
    await agent.untilApplied(app, agent.hub.assign(app, objects, options).bundle);
    const phases = agent.hub.reports.filter((report) => report.application === app).map(({ phase }) => phase);
    expect(phases).not.toContain("failed");
    expect(await agent.get(`/apis/test.drover.dev/v1/namespaces/${app}/widgets/one`)).toBeDefined();
    expect(await agent.get(mapPath(app, `${app}-made`))).toBeDefined();
  });

  it("waits for a namespace that is not of the bundle, and writes everything when it is there", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [configMap(app, {}), configMap("inside", {}, app)], whole);
    await agent.untilReported(app, { phase: "applying", reason: "BundleRefused" });
    expect(await agent.get(mapPath(app))).toBeUndefined();
    await agent.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: app } });
    await agent.untilApplied(app, bundle);
    expect(await agent.get(mapPath("inside", app))).toBeDefined();
  });

  it("counts an object that it may not take over as refused", async () => {
    const app = fresh();
    await agent.create("/api/v1/namespaces/default/configmaps", configMap(`${app}-theirs`, { a: "theirs" }));
    const { bundle } = agent.hub.assign(app, [configMap(`${app}-theirs`, { a: "1" }), configMap(app, {})], whole);
    await untilRefused(app, bundle);
    expect(agent.hub.report(app)?.objects).toMatchObject([{ apply: "failed", reason: "Conflict" }]);
    expect(await agent.get(mapPath(app))).toBeUndefined();
    expect(field(await agent.get(mapPath(`${app}-theirs`)), "data")).toEqual({ a: "theirs" });
  });

  it("lets an object be made anew that opts in", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [deployment(app, 0)], whole).bundle);
    const uid = field(await agent.get(deploymentPath(app)), "metadata", "uid");
    const options = { sync: { allOrNothing: true, recreate: true } };
    await agent.untilApplied(app, agent.hub.assign(app, [deployment(app, 0, "other")], options).bundle);
    expect(field(await agent.get(deploymentPath(app)), "metadata", "uid")).not.toBe(uid);
  });

  it("holds back nobody else's prune but that of what the refused bundle wants", async () => {
    const [app, other] = [fresh(), fresh()];
    const moving = configMap(`${app}-moving`, { a: "1" });
    await agent.untilApplied(
      other,
      agent.hub.assign(other, [moving, configMap(`${other}-old`, {}), configMap(other, {})]).bundle,
    );
    const uid = field(await agent.get(mapPath(`${app}-moving`)), "metadata", "uid");
    await untilRefused(app, agent.hub.assign(app, [moving, invalid(`${app}-bad`)], whole).bundle);
    agent.hub.assign(other, [configMap(other, {})]);
    await vi.waitFor(async () => expect(await agent.get(mapPath(`${other}-old`))).toBeUndefined(), patience);
    await agent.untilReported(other, { objects: [{ apply: "pruning", reason: "HandingOver" }, {}] });
    await agent.untilApplied(app, agent.hub.assign(app, [moving], whole).bundle);
    expect(field(await agent.get(mapPath(`${app}-moving`)), "metadata", "uid")).toBe(uid);
  });
}

describe("agent writes all or nothing on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent writes all or nothing on the real API server", () => {
  suite("real");
});
