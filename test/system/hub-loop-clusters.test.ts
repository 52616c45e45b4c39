import { rm } from "node:fs/promises";

import { createRecovery } from "@drover/hub/controllers/recovery";
import { settleMs } from "@drover/hub/core/settle-facts";
import { clusterDefaults, sourceDefaults } from "@drover/hub/store/store";
import { FakeClock } from "@drover/shared/clock";
import { features } from "@drover/shared/link/features";
import { noFacts, type Hello } from "@drover/shared/link/link";
import { describe, expect, it, vi } from "vitest";

import { createWorkTree } from "../rig/git.ts";
/** The hub's loop over a real work tree and a real store; the link only remembers what it was given. */
import { application, loopSuite, placement, startLoop, web } from "./loop.ts";

describe("the hub's loop and its clusters", () => {
  const { begin, closers } = loopSuite();

  describe("a cluster that cannot be reached", () => {
    const lose = (hub: Awaited<ReturnType<typeof startLoop>>, cluster: string) => {
      const connection = hub.world.connections.get(cluster);
      hub.world.connections.delete(cluster);
      for (const target of hub.store.targetsOn(cluster)) hub.world.assess(target);
      return () => {
        if (connection !== undefined) hub.world.connections.set(cluster, connection);
        hub.loop.wake.clusters([cluster]);
      };
    };
    const relabel = (hub: Awaited<ReturnType<typeof startLoop>>, env: string): void => {
      const record = hub.store.cluster("prod-1");
      if (record === undefined) throw new Error("prod-1 is missing");
      hub.store.putCluster({ ...record, labels: { env } });
      hub.loop.wake.applications();
    };
    const target = { app: "web", cluster: "prod-1" };

    it("E23, E79: is not unselected, whatever happens meanwhile", async () => {
      const { tree, hub } = await begin();
      const back = lose(hub, "prod-1");
      const head = await tree.commit("scale web", { "apps/web/web.yaml": web(5) });
      await vi.waitFor(() => expect(hub.store.target(target)?.commit).toBe(head), 5_000);
      hub.loop.wake.applications();
      await vi.waitFor(() => expect(hub.views.target("web", "prod-1")?.state).toBe("offline"), 5_000);
      expect(hub.store.target(target)?.removal).toBe("");
      back();
      await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.commit).toBe(head), 5_000);
      expect(hub.newest("prod-1")?.tombstones).toEqual([]);
    });

    it("R33: keeps no recovery waiting for an application that Git does not have any more", async () => {
      const { tree, hub, folder } = await begin();
      await tree.commit("no web", { "apps/web/drover.yaml": undefined, "apps/web/web.yaml": undefined });
      await vi.waitFor(() => expect(hub.store.target(target)?.removal).not.toBe(""), 5_000);
      await closers.pop()?.();
      await using again = await startLoop(folder, tree);
      const { store, world, events, loop } = again;
      const { recovery } = createRecovery({ store, world, events, send: loop.wake.clusters });
      await vi.waitFor(() => expect(recovery().unread).toEqual([]), 5_000);
      expect(store.target(target)?.removal).not.toBe("");
    });

    it("E22: is told to remove what its labels no longer select when it is back, and that alone", async () => {
      const { tree, hub } = await begin();
      await tree.commit("api everywhere", {
        "apps/api/drover.yaml": `${application("api")}---\n${placement("api", "prod")}`.replace(
          "matchLabels: { env: prod }",
          "matchExpressions: [{ key: env, operator: Exists }]",
        ),
      });
      const apps = () =>
        hub
          .newest("prod-1")
          ?.targets.map(({ application: name }) => name)
          .toSorted();
      await vi.waitFor(() => expect(apps()).toEqual(["api", "web"]), 5_000);
      const back = lose(hub, "prod-1");
      relabel(hub, "qa");
      await vi.waitFor(() => expect(hub.store.target(target)?.removal).toContain("needs env=prod, has env=qa"), 5_000);
      expect(apps()).toEqual(["api", "web"]);
      back();
      await vi.waitFor(() => expect(apps()).toEqual(["api"]), 5_000);
      expect(hub.newest("prod-1")?.tombstones).toMatchObject([{ application: "web", detach: false }]);
    });

    it("E21: keeps what its labels select again by the time that it is back", async () => {
      const { hub } = await begin();
      const before = hub.newest("prod-1")?.targets;
      const back = lose(hub, "prod-1");
      relabel(hub, "qa");
      await vi.waitFor(() => expect(hub.store.target(target)?.removal).not.toBe(""), 5_000);
      relabel(hub, "prod");
      await vi.waitFor(() => expect(hub.store.target(target)?.removal).toBe(""), 5_000);
      back();
      await vi.waitFor(() => expect(hub.newest("prod-1")?.generation).toBe(hub.store.cluster("prod-1")?.generation));
      expect(hub.newest("prod-1")).toMatchObject({
        tombstones: [],
        targets: before?.map(({ bundle }) => ({ bundle })),
      });
    });
  });

  describe("facts that an agent says of its cluster", () => {
    const chosen = `${application("api")}---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: api }
spec:
  applications: [api]
  selector: { matchLabels: { facts.drover.dev/kubernetes-minor: "1.31" } }
`;
    const hello: Hello = { ...noFacts, agentVersion: "1", clusterUid: "", epoch: "", generation: 0, features };
    const say = (hub: Awaited<ReturnType<typeof startLoop>>, kubernetesVersion: string): void =>
      hub.agents.introduced("prod-1", { ...hello, kubernetesVersion });
    const api = { app: "api", cluster: "prod-1" };

    it("E30: are shown at once, and move applications only when they have settled, also over a restart", async () => {
      const clock = new FakeClock(1_000_000);
      const { tree, hub, folder } = await begin(clock);
      say(hub, "v1.31.2");
      const head = await tree.commit("choose by a fact", { "apps/api/drover.yaml": chosen });
      hub.loop.wake.source("config");
      await vi.waitFor(() => expect(hub.store.target(api)).toMatchObject({ commit: head, removal: "" }), 5_000);
      const generation = hub.store.cluster("prod-1")?.generation;
      const shown = () => hub.views.cluster("prod-1");

      for (let flaps = 0; flaps < 10; flaps += 1) {
        for (const version of ["v1.32.0", "v1.31.2"]) {
          say(hub, version);
          expect(shown()?.kubernetesVersion).toBe(version);
          await clock.advance(settleMs - 1_000);
        }
      }
      say(hub, "v1.32.0");
      await clock.advance(settleMs - 1_000);
      expect(shown()?.settled).toEqual({ kubernetesVersion: "v1.31.2" });
      expect(hub.store.cluster("prod-1")?.generation).toBe(generation);

      await clock.advance(6_000);
      expect(shown()?.settled).toEqual({});
      const moved = "needs facts.drover.dev/kubernetes-minor=1.31, has facts.drover.dev/kubernetes-minor=1.32";
      await vi.waitFor(() => expect(hub.store.target(api)?.removal).toContain(moved), 5_000);

      say(hub, "v1.31.2");
      await hub[Symbol.asyncDispose]();
      closers.pop();
      const again = await startLoop(folder, tree, { clock });
      closers.push(async () => again[Symbol.asyncDispose]());
      await vi.waitFor(() => expect(again.world.application("api").commit).toBe(head), 5_000);
      expect(again.store.target(api)?.removal).toContain(moved);
      await clock.advance(settleMs + 5_000);
      await vi.waitFor(() => expect(again.store.target(api)?.removal).toBe(""), 5_000);
    });
  });

  describe("with clusters that another repository declares", () => {
    const edge = (labels: string): string =>
      `apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: edge-1, labels: ${labels} }\n`;
    const placed = `${application("web")}---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: web }
spec:
  applications: [web]
  selector: { matchLabels: { tier: edge } }
  overrides:
    - selector: { matchLabels: { env: prod } }
      replicas: [{ name: web, count: 9 }]
`;
    const newest = (hub: Awaited<ReturnType<typeof startLoop>>) => {
      const { targets = [], tombstones = [] } = hub.newest("edge-1") ?? {};
      return { bundle: targets.find((target) => target.application === "web")?.bundle, tombstones: tombstones.length };
    };

    const beginEdge = async () => {
      const begun = await begin();
      const { hub, tree } = begun;
      const other = edge("{ env: none }").replace("edge-1", "other-1");
      const fleet = await createWorkTree({
        files: { "edge.yaml": edge("{ tier: edge, env: prod }"), "other.yaml": other },
      });
      closers.unshift(async () => fleet[Symbol.asyncDispose]());
      hub.store.putCluster({ ...clusterDefaults, name: "edge-1", uid: "edge-1" });
      hub.store.putSource({ ...sourceDefaults, name: "fleet", url: fleet.path });
      const connection = hub.world.connections.get("dev-1");
      if (connection !== undefined) hub.world.connections.set("edge-1", connection);
      hub.loop.wake.sources();
      const head = await tree.commit("place web at the edge", { "apps/web/drover.yaml": placed });
      await vi.waitFor(() => expect(hub.newest("edge-1")?.targets[0]?.commit).toBe(head), 5_000);
      return { ...begun, fleet, first: newest(hub).bundle };
    };

    it("takes nothing away and changes nothing while what was said of a cluster cannot be read", async () => {
      const { hub, tree, fleet, first } = await beginEdge();
      await fleet.commit("break it", { "edge.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {\n" });
      await vi.waitFor(() => expect(hub.world.catalogs.get("fleet")?.problems).not.toEqual([]), 5_000);
      await tree.commit("another web", { "apps/web/web.yaml": web(2).replace("spec:", "data: { a: b }\nspec:") });
      await vi.waitFor(() => {
        const app = hub.views.applications().find(({ name }) => name === "web");
        expect(app?.reason).toContain("source fleet has files with errors");
      }, 5_000);
      expect(newest(hub)).toEqual({ bundle: first, tombstones: 0 });
      await fleet.commit("mend it", { "edge.yaml": edge("{ tier: edge, env: prod }") });
      await vi.waitFor(() => expect(newest(hub).bundle).not.toBe(first), 5_000);
      expect(newest(hub).tombstones).toBe(0);
    });

    it("does so after a restart too, before and while that repository cannot be had", async () => {
      const { hub, tree, fleet, folder, first } = await beginEdge();
      await hub[Symbol.asyncDispose]();
      closers.pop();
      await rm(fleet.path, { recursive: true, force: true });
      await tree.commit("another web", { "apps/web/web.yaml": web(2).replace("spec:", "data: { a: b }\nspec:") });
      const again = await startLoop(folder, tree);
      closers.push(async () => again[Symbol.asyncDispose]());
      await vi.waitFor(() => expect(again.views.source("fleet")?.state).toBe("failed"), 5_000);
      again.loop.wake.applications();
      again.loop.wake.clusters(["edge-1"]);
      await vi.waitFor(() => {
        const app = again.views.applications().find(({ name }) => name === "web");
        expect(app?.reason).toContain("source fleet has not been read since the hub started");
      }, 5_000);
      expect(newest(again)).toEqual({ bundle: first, tombstones: 0 });
    });

    it("takes away what a label that is gone for certain placed", async () => {
      const { hub, fleet } = await beginEdge();
      await fleet.commit("no edge any more", { "edge.yaml": edge("{ env: prod }") });
      await vi.waitFor(() => expect(newest(hub)).toEqual({ bundle: undefined, tombstones: 1 }), 5_000);
    });
  });
});
