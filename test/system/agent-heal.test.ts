import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, deploymentPath, mapPath, secret, service } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh } = shareAgent(server, { prefix: "app", started: (running) => void (agent = running) });

  it("case 21: repairs an edit at once and says who made it", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("edited", { a: "1" })]).bundle);
    await agent.edit(mapPath("edited"), { data: { a: "2" } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath("edited")), "data")).toEqual({ a: "1" }),
      patience,
    );
    await agent.untilReported(app, {
      objects: [{ drift: { paths: ["data[a]"], by: "kubectl-edit", repaired: true }, apply: "applied" }],
    });
  });

  it("case 18: leaves fields that others added alone", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("shared", { a: "1" })]).bundle);
    agent.takeRequests();
    await agent.edit(mapPath("shared"), { data: { b: "theirs" }, metadata: { annotations: { note: "hello" } } });
    await agent.edit(mapPath("shared"), { data: { a: "2" } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath("shared")), "data")).toEqual({ a: "1", b: "theirs" }),
      patience,
    );
    expect(writesOf(agent.takeRequests())).toHaveLength(1);
  });

  it("case 26: undoes kubectl scale", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [deployment("scaled", 2)]).bundle);
    await agent.call({
      method: "PATCH",
      path: `${deploymentPath("scaled")}/scale`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ spec: { replicas: 7 } }),
    });
    await vi.waitFor(
      async () => expect(field(await agent.get(deploymentPath("scaled")), "spec", "replicas")).toBe(2),
      patience,
    );
    await agent.untilReported(app, { objects: [{ drift: { paths: ["spec.replicas"], repaired: true } }] });
  });

  it("makes a deleted object anew", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("deleted", { a: "1" })]).bundle);
    const before = field(await agent.get(mapPath("deleted")), "metadata", "uid");
    await agent.remove(mapPath("deleted"));
    await vi.waitFor(async () => {
      const uid = field(await agent.get(mapPath("deleted")), "metadata", "uid");
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before);
    }, patience);
  });

  it("case 56: repairs a removed label in place", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("unlabelled", { a: "1" })]).bundle);
    const before = field(await agent.get(mapPath("unlabelled")), "metadata", "uid");
    await agent.edit(mapPath("unlabelled"), { metadata: { labels: { "drover.dev/application": null } } });
    await vi.waitFor(async () => {
      const map = await agent.get(mapPath("unlabelled"));
      expect(field(map, "metadata", "labels", "drover.dev/application")).toBe(app);
      expect(field(map, "metadata", "uid")).toBe(before);
    }, patience);
    await agent.untilReported(app, { objects: [{ drift: { paths: ["metadata.labels[drover.dev/application]"] } }] });
  });

  it("case 22: repairs an object whose managed fields were stripped", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("stripped", { a: "1" })]).bundle);
    await agent.edit(mapPath("stripped"), { data: { a: "2" }, metadata: { managedFields: [{}] } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath("stripped")), "data")).toEqual({ a: "1" }),
      patience,
    );
  });

  it("R1: keeps and heals an application that no assignment names any more", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("absent", { a: "1" })]).bundle);
    agent.hub.forget(app);
    await agent.untilReported(app, { reason: "NotAssigned", phase: "applied" });
    await agent.edit(mapPath("absent"), { data: { a: "2" } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath("absent")), "data")).toEqual({ a: "1" }),
      patience,
    );
    await agent.restart();
    await agent.edit(mapPath("absent"), { data: { a: "3" } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath("absent")), "data")).toEqual({ a: "1" }),
      patience,
    );
  });

  it("R6: heals without the hub after a restart, and writes nothing when nothing changed", async () => {
    const app = fresh();
    await agent.untilApplied(
      app,
      agent.hub.assign(app, [configMap("alone", { a: "1" }), deployment("alone", 1)]).bundle,
    );
    agent.hub.setConnected(false);
    try {
      await agent.stop();
      agent.takeRequests();
      agent.start();
      await vi.waitFor(
        () => expect(agent.takeRequests()).toContainEqual(expect.stringMatching(/^WATCH .*deployments/u)),
        patience,
      );
      expect(writesOf(agent.takeRequests())).toEqual([]);
      await agent.stop();
      await agent.edit(mapPath("alone"), { data: { a: "2" } });
      await agent.remove(deploymentPath("alone"));
      agent.start();
      await vi.waitFor(async () => {
        expect(field(await agent.get(mapPath("alone")), "data")).toEqual({ a: "1" });
        expect(await agent.get(deploymentPath("alone"))).toBeDefined();
      }, patience);
    } finally {
      agent.hub.setConnected(true);
    }
  });

  it("still knows what to prune after its disk was lost", async () => {
    const app = fresh();
    await agent.untilApplied(
      app,
      agent.hub.assign(app, [configMap("remains", { a: "1" }), configMap("orphan", { a: "1" })]).bundle,
    );
    await agent.stop();
    const { bundle } = agent.hub.assign(app, [configMap("remains", { a: "1" })]);
    await agent.restart({ loseDisk: true });
    await agent.untilApplied(app, bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath("orphan"))).toBeUndefined(), patience);
  });

  it("applies everything again when somebody asks for a sync", async () => {
    const app = fresh();
    const objects = [configMap("synced", { a: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    agent.takeRequests();
    agent.hub.assign(app, objects, { syncRequest: 1 });
    await vi.waitFor(
      () => expect(agent.takeRequests()).toContainEqual(expect.stringMatching(/^PATCH .*synced/u)),
      patience,
    );
  });

  it("shows differences to Git, whose change they are, and no secret", async () => {
    const app = fresh();
    const fixed = { ...secret("masked", { password: "hunter2" }), immutable: true };
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("same", { a: "1" }), fixed]).bundle);
    // An immutable secret cannot follow, so the difference stays.
    const other = { ...secret("masked", { password: "correct horse" }), immutable: true };
    agent.hub.assign(app, [configMap("same", { a: "1" }), other]);
    await agent.untilReported(app, { phase: "failed" });
    const { result } = await agent.hub.inspect(app, "diff");
    expect(JSON.parse(new TextDecoder().decode(result))).toEqual({
      app,
      cluster: "lone",
      identical: 1,
      masked: 1,
      objects: [
        {
          object: "Secret default/masked",
          state: "changed",
          changes: [
            {
              path: "data[password]",
              desired: expect.stringMatching(/^\*\*\*\([0-9a-f]{8}\)$/u) as unknown,
              live: expect.stringMatching(/^\*\*\*\([0-9a-f]{8}\)$/u) as unknown,
              by: "drover",
            },
          ],
        },
      ],
    });
  });

  it("case 23: heals a list item whose key was edited", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [service("renumbered", 81)]).bundle);
    const path = "/api/v1/namespaces/default/services/renumbered";
    agent.takeRequests();
    await agent.edit(path, { spec: { ports: [{ name: "http", port: 90, protocol: "TCP" }] } });
    await vi.waitFor(async () => {
      const ports = field(await agent.get(path), "spec", "ports");
      expect(ports).toEqual([expect.objectContaining({ name: "http", port: 81 })]);
    }, patience);
    expect(agent.takeRequests().filter((request) => request.includes("renumbered")).length).toBeLessThanOrEqual(3);
  });

  it("case 31: backs off when somebody changes an object again and again, and names who", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("contested", { a: "1" })]).bundle);
    agent.takeRequests();
    const fight = vi.waitFor(
      async () => {
        await agent.edit(mapPath("contested"), { data: { a: String(Math.random()) } });
        expect(agent.hub.report(app)).toMatchObject({
          reason: "Contested",
          message: expect.stringContaining('"kubectl-edit" changes data[a] again and again'),
        });
      },
      { timeout: 10_000, interval: 50 },
    );
    await fight;
    expect(writesOf(agent.takeRequests()).length).toBeLessThan(12);
  });
}

describe("agent heals on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent heals on the real API server", () => {
  suite("real");
});
