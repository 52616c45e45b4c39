import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createEventLog } from "@drover/hub/controllers/event-log";
import { World } from "@drover/hub/controllers/world";
import { createExplanations } from "@drover/hub/explanations";
import { createLoop } from "@drover/hub/loop";
import { createHelm } from "@drover/hub/source/helm";
import { createKustomize } from "@drover/hub/source/kustomize";
import { createMirror } from "@drover/hub/source/mirror";
import { createPackages } from "@drover/hub/source/packages";
import { openSqliteStore } from "@drover/hub/store/sqlite";
import { sourceDefaults } from "@drover/hub/store/store";
import { createViews } from "@drover/hub/views";
import { systemClock } from "@drover/shared/clock";
import type { Assignments, HubMessage } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { runAll } from "@drover/shared/service";
import { afterEach, describe, expect, it, vi } from "vitest";

import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";

/** The hub's loop over a real work tree and a real store; the link only remembers what it was given. */
async function startLoop(folder: string, tree: WorkTree) {
  const store = openSqliteStore(join(folder, "hub.db"));
  const now = (): number => Date.now();
  const events = createEventLog(store, now);
  const world = new World(store, events, now);
  const sent = new Map<string, Assignments[]>();
  const link = {
    send: (cluster: string, message: HubMessage): boolean => {
      if (message.kind !== "assignments") return false;
      const list = sent.get(cluster) ?? [];
      list.push(JSON.parse(new TextDecoder().decode(message.signed.payload)) as Assignments);
      sent.set(cluster, list);
      return true;
    },
  };
  const sign = (assignments: Assignments) => ({
    payload: new TextEncoder().encode(JSON.stringify(assignments)),
    signature: new Uint8Array(),
    keyId: "test",
  });
  if (store.source("config") === undefined) {
    store.putSource({ ...sourceDefaults, name: "config", url: tree.path });
    const facts = { agentVersion: "1", kubernetesVersion: "v1", nodes: 1 };
    for (const [name, env] of [
      ["dev-1", "dev"],
      ["prod-1", "prod"],
    ] as const) {
      store.putCluster({ name, uid: name, labels: { env }, cordon: "", generation: 0, facts, seenAtMs: 0 });
    }
  }
  const hello = { agentVersion: "1", clusterUid: "", kubernetesVersion: "v1", nodes: 1, epoch: "", generation: 0 };
  for (const { name } of store.clusters()) world.connections.set(name, { hello, sinceMs: 0, refusal: undefined });
  const mirror = createMirror({ folder: join(folder, "mirrors") });
  const environment = process.env;
  const programs = { kustomize: createKustomize({ environment }), helm: createHelm({ environment }) };
  const loop = createLoop({
    store,
    world,
    events,
    mirror,
    packages: createPackages({ folder: join(folder, "packages"), credentialFor: () => undefined }),
    link,
    sign,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    programs,
  });
  const stop = new AbortController();
  const run = runAll(loop.services, stop.signal);
  return {
    store,
    world,
    loop,
    sent,
    views: createViews(store, world),
    explanations: createExplanations({ store, world, ...programs }),
    newest: (cluster: string) => sent.get(cluster)?.at(-1),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await run;
      store.close();
    },
  };
}

const web = (replicas: number): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { replicas: ${replicas} }
`;
const application = (name: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec:
  source: { path: apps/${name} }
`;
const placement = (name: string, env: string): string => `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec:
  applications: [${name}]
  selector:
    matchLabels: { env: ${env} }
`;
const files: FileChanges = {
  "apps/web/drover.yaml": `${application("web")}---\n${placement("web", "prod")}`,
  "apps/web/web.yaml": web(1),
  "apps/api/drover.yaml": `${application("api")}---\n${placement("api", "dev")}`,
  "apps/api/api.yaml": web(1),
};

describe("the hub's loop", () => {
  afterEach(async () => {
    // Each test leaves what it opened here, to be closed in reverse order.
    for (const close of closers.splice(0).toReversed()) await close();
  });
  const closers: (() => Promise<void>)[] = [];

  const begin = async () => {
    const folder = await mkdtemp(join(tmpdir(), "drover-loop-"));
    const tree = await createWorkTree({ files });
    closers.push(
      async () => tree[Symbol.asyncDispose](),
      async () => rm(folder, { recursive: true, force: true }),
    );
    const start = async () => {
      const loop = await startLoop(folder, tree);
      closers.push(async () => loop[Symbol.asyncDispose]());
      return loop;
    };
    const hub = await start();
    await vi.waitFor(() => {
      expect(hub.newest("prod-1")?.targets.map((target) => target.application)).toEqual(["web"]);
      expect(hub.newest("dev-1")?.targets.map((target) => target.application)).toEqual(["api"]);
    }, 5_000);
    return { tree, hub, folder };
  };

  it("sends a commit only to the clusters whose objects it changes", async () => {
    const { tree, hub } = await begin();
    const before = hub.sent.get("dev-1")?.length;
    const old = hub.newest("prod-1")?.targets[0]?.bundle;
    await tree.commit("scale web", { "apps/web/web.yaml": web(5) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.bundle).not.toBe(old), 5_000);
    expect(hub.sent.get("dev-1")?.length).toBe(before);
  });

  it("moves an application with a label, and says why in the tombstone", async () => {
    const { hub } = await begin();
    const record = hub.store.cluster("dev-1");
    if (record === undefined) throw new Error("dev-1 is missing");
    hub.store.putCluster({ ...record, labels: { env: "prod" } });
    hub.loop.wake.applications();
    await vi.waitFor(() => {
      expect(hub.newest("dev-1")?.targets.map((target) => target.application)).toEqual(["web"]);
      expect(hub.newest("dev-1")?.tombstones).toEqual([
        { application: "api", detach: false, confirmPrune: "", reason: expect.stringContaining("env=dev") },
      ]);
    }, 5_000);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
  });

  it("removes an application whose declaration is gone while others remain", async () => {
    const { tree, hub } = await begin();
    await tree.commit("drop api", { "apps/api/drover.yaml": undefined, "apps/api/api.yaml": undefined });
    await vi.waitFor(() => expect(hub.newest("dev-1")?.tombstones.map((t) => t.application)).toEqual(["api"]), 5_000);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
  });

  it("E2: keeps everything when the repository is emptied, and says so", async () => {
    const { tree, hub } = await begin();
    const gone = Object.fromEntries(Object.keys(files).map((file) => [file, undefined]));
    await tree.commit("empty", { ...gone, README: "nothing" });
    await vi.waitFor(() => expect(hub.views.source("config")?.reason).toMatch(/declares nothing any more/u), 5_000);
    expect(hub.newest("dev-1")?.tombstones).toEqual([]);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
    expect(hub.views.target("web", "prod-1")).toBeDefined();
  });

  it("E2: keeps an application whose folder renders nothing, and says so", async () => {
    const { tree, hub } = await begin();
    await tree.commit("no objects", { "apps/web/web.yaml": undefined });
    await vi.waitFor(() => {
      expect(hub.views.application("web")?.conditions).toContainEqual(
        expect.objectContaining({ reason: "EmptyRender" }),
      );
    }, 5_000);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
  });

  it("removes nothing while a file that may have declared it cannot be read, and names file and line", async () => {
    const { tree, hub } = await begin();
    const bytes = 'apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: { name: "web\n';
    await tree.commit("break web", { "apps/web/drover.yaml": bytes, "apps/api/api.yaml": web(4) });
    await vi.waitFor(() => {
      const [problem] = hub.views.source("config")?.problems ?? [];
      expect(problem?.at?.file).toBe("apps/web/drover.yaml");
    }, 5_000);
    await vi.waitFor(
      () => expect(hub.newest("dev-1")?.targets[0]?.commit).toBe(hub.views.source("config")?.revision),
      5_000,
    );
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
    expect(hub.views.target("web", "prod-1")).toBeDefined();
  });

  it("goes on after a restart with a repository that has vanished, and removes nothing", async () => {
    const { tree, hub, folder } = await begin();
    await hub[Symbol.asyncDispose]();
    closers.pop();
    await rm(tree.path, { recursive: true, force: true });
    const again = await startLoop(folder, tree);
    closers.push(async () => again[Symbol.asyncDispose]());
    await vi.waitFor(() => expect(again.views.source("config")?.state).toBe("failed"), 5_000);
    again.loop.wake.applications();
    again.loop.wake.clusters(["prod-1"]);
    await vi.waitFor(() => expect(again.newest("prod-1")?.targets.map((t) => t.application)).toEqual(["web"]), 5_000);
    expect(again.newest("prod-1")?.tombstones).toEqual([]);
  });

  it("keeps the targets of a source that was removed, and says why", async () => {
    const { hub } = await begin();
    hub.store.deleteSource("config");
    hub.loop.wake.sources();
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect(hub.world.catalogs.get("config")).toBeUndefined(), 5_000);
    hub.loop.wake.applications();
    await vi.waitFor(() => {
      const app = hub.views.applications().find(({ name }) => name === "web");
      expect(app?.reason).toContain("source config is not registered any more");
    }, 5_000);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
  });

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

    it("E23: is not unselected, whatever happens meanwhile", async () => {
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

  it("E6: of pushes in quick succession none is gone back to, and the last one is what runs", async () => {
    const { tree, hub } = await begin();
    const commits: string[] = [];
    for (let round = 2; round < 22; round += 1)
      commits.push(await tree.commit(`scale to ${round}`, { "apps/web/web.yaml": web(round) }));
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.commit).toBe(commits.at(-1)), 10_000);
    const sent = hub.sent.get("prod-1")?.map(({ targets }) => commits.indexOf(targets[0]?.commit ?? "")) ?? [];
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect(hub.views.application("web")).toMatchObject({
      revision: expect.stringContaining(commits.at(-1)?.slice(0, 7) ?? "?"),
    });
  });

  it("explains a selector that matches nothing with the nearest label", async () => {
    const { tree, hub } = await begin();
    await tree.commit("typo", { "apps/api/drover.yaml": `${application("api")}---\n${placement("api", "prd")}` });
    await vi.waitFor(() => {
      expect(hub.views.applications().find((app) => app.name === "api")?.reason).toContain("env=prod");
    }, 5_000);
  });

  it("E5: a reverted commit brings the same bundle back", async () => {
    const { tree, hub } = await begin();
    const first = hub.newest("prod-1")?.targets[0]?.bundle;
    await tree.commit("scale", { "apps/web/web.yaml": web(7) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.bundle).not.toBe(first), 5_000);
    await tree.commit("revert", { "apps/web/web.yaml": web(1) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.bundle).toBe(first), 5_000);
  });

  it("changes nothing for applications that depend on themselves, until any of them does no more", async () => {
    const { tree, hub } = await begin();
    const before = hub.newest("prod-1")?.targets;
    const depends = (on: string): string =>
      `${application("web")}  dependsOn: [${on}]\n---\n${placement("web", "prod")}`;
    await tree.commit("a cycle", {
      "apps/web/drover.yaml": depends("api"),
      "apps/web/web.yaml": web(5),
      "apps/api/drover.yaml": `${application("api")}  dependsOn: [web]\n`,
    });
    await vi.waitFor(() => {
      const app = hub.views.applications().find(({ name }) => name === "web");
      expect(app?.reason).toBe("it depends on itself: web → api → web");
    }, 5_000);
    expect(hub.newest("prod-1")?.targets).toEqual(before);
    await tree.commit("no cycle", { "apps/api/drover.yaml": application("api") });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.sync.dependsOn).toEqual(["api"]), 5_000);
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
    const record = { name: "edge-1", uid: "edge-1", labels: {}, cordon: "", generation: 0, seenAtMs: 0 };
    const facts = { agentVersion: "1", kubernetesVersion: "v1", nodes: 1 };
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
      hub.store.putCluster({ ...record, facts });
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

  it("explains a target from what it has read, and what is no target", async () => {
    const { hub, tree } = await begin();
    const override = "  overrides: [{ selector: {}, labels: { who: '${cluster.labels.env}' } }]\n";
    await tree.write({ "apps/web/drover.yaml": `${application("web")}---\n${placement("web", "prod")}${override}` });
    await tree.commit("label it");
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect(hub.views.target("web", "prod-1")?.overrides).toHaveLength(1), 5_000);
    const { signal } = new AbortController();
    const target = { app: "web", cluster: "prod-1" };
    const { fields } = await hub.explanations.blame(target, { object: "deployment/web" }, signal);
    const origin = (path: string) => fields.find((field) => field.path === path);
    expect(origin("spec.replicas")?.origin).toMatchObject({
      kind: "manifest",
      at: { file: "apps/web/web.yaml", line: 4 },
    });
    expect(origin("metadata.labels[who]")).toMatchObject({
      origin: { kind: "override", repository: "config", placement: "web", at: { line: 14 } },
      variables: [{ name: "cluster.labels.env", kind: "hub" }],
    });
    expect(await hub.explanations.why(target, signal)).toMatchObject({
      selected: true,
      overrides: [{ sets: [{ part: "labels", objects: 1, fields: 1 }] }],
    });
    expect(await hub.explanations.why({ app: "web", cluster: "dev-1" }, signal)).toMatchObject({
      selected: false,
      placements: [{ requirements: [{ text: "env=prod", has: "env=dev", kind: "hub" }] }],
    });
    await expect(hub.explanations.why({ app: "web", cluster: "none" }, signal)).rejects.toMatchObject({
      code: "not_found",
    });
  });
});
