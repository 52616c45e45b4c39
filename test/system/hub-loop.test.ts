import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";

import { formatWhy } from "@drover/cli/reasons";
import { describe, expect, it, vi } from "vitest";

import { startGitHttp } from "../rig/git-http.ts";
import { createWorkTree } from "../rig/git.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
/** The hub's loop over a real work tree and a real store; the link only remembers what it was given. */
import { application, files, loopSuite, placement, startLoop, web } from "./loop.ts";

describe("the hub's loop", () => {
  const { begin, closers } = loopSuite();

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

  it("E20: takes nothing off a cluster that was removed and joins again under its name, whatever its labels are then", async () => {
    const { hub } = await begin();
    const record = hub.store.cluster("prod-1");
    if (record === undefined) throw new Error("prod-1 is missing");
    hub.store.deleteCluster("prod-1");
    hub.loop.wake.applications();
    const state = () => hub.views.application("web")?.state;
    await vi.waitFor(() => expect(state()).toBe("no-targets"), 5_000);
    hub.store.putCluster({ ...record, labels: {} });
    hub.loop.wake.applications();
    hub.loop.wake.clusters(["prod-1"]);
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets).toEqual([]), 5_000);
    hub.store.putCluster({ ...record, labels: { env: "prod" } });
    hub.loop.wake.applications();
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets.map((t) => t.application)).toEqual(["web"]), 5_000);
    expect(hub.sent.get("prod-1")?.flatMap(({ tombstones }) => tombstones)).toEqual([]);
  });

  it("removes an application whose declaration is gone while others remain", async () => {
    const { tree, hub } = await begin();
    await tree.commit("drop api", { "apps/api/drover.yaml": undefined, "apps/api/api.yaml": undefined });
    await vi.waitFor(() => expect(hub.newest("dev-1")?.tombstones.map((t) => t.application)).toEqual(["api"]), 5_000);
    expect(hub.newest("prod-1")?.tombstones).toEqual([]);
  });

  it("reads a declaration behind a link again when what it leads to changes", async () => {
    const { tree, hub } = await begin();
    const declared = (env: string): string => `${application("web")}---\n${placement("web", env)}`;
    await tree.write({ "web.txt": declared("prod"), "apps/web/drover.yaml": undefined });
    await symlink("../../web.txt", join(tree.path, "apps/web/drover.yaml"));
    const linked = await tree.commit("link it");
    await vi.waitFor(() => expect(hub.world.catalogs.get("config")?.commit).toBe(linked), 5_000);
    await tree.commit("move it", { "web.txt": declared("dev") });
    await vi.waitFor(() => expect(hub.newest("dev-1")?.targets.map((t) => t.application)).toContain("web"), 5_000);
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

  it("E16: keeps what runs while there are more bytes than an application may have, and goes on when there are not", async () => {
    const { tree, hub } = await begin();
    const before = hub.newest("prod-1");
    const large = (n: number): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c${n} }\ndata: { text: ${"x".repeat(1_000_000)} }\n`;
    const more = Object.fromEntries(Array.from({ length: 68 }, (_, n) => [`apps/web/${n}.yaml`, large(n)]));
    await tree.commit("too much", more);
    await vi.waitFor(() => {
      const { conditions, problems } = hub.views.application("web") ?? {};
      expect(conditions).toContainEqual(expect.objectContaining({ status: "False", reason: "RenderFailed" }));
      expect(problems).toMatchObject([{ code: "output-too-large", message: "the objects have more than 64 MiB" }]);
    }, 20_000);
    expect(hub.newest("prod-1")).toEqual(before);
    await tree.commit("less", { "apps/web/0.yaml": undefined, "apps/web/1.yaml": undefined });
    await vi.waitFor(() => expect(hub.views.target("web", "prod-1")?.objects.total).toBe(67), 20_000);
    expect(hub.newest("prod-1")?.targets[0]?.bundle).not.toBe(before?.targets[0]?.bundle);
  });

  it("costs one fetch for all applications of a repository, and none when it is as it was", async () => {
    await using remote = await startGitHttp();
    await using tree = await createWorkTree({ files });
    await using folder = await temporaryFolder("one-fetch");
    const repository = await remote.createRepository("config.git");
    await tree.push(repository.path);
    await using hub = await startLoop(folder.path, { path: repository.url });
    const questions = (): number =>
      remote.requests.filter(({ method, url }) => method === "POST" && url.includes("git-upload-pack")).length;
    const commitOn = (cluster: string): string | undefined => hub.newest(cluster)?.targets[0]?.commit;
    await vi.waitFor(() => expect([commitOn("prod-1"), commitOn("dev-1")]).not.toContain(undefined), 5_000);
    const before = questions();
    const head = await tree.commit("both", { "apps/web/web.yaml": web(7), "apps/api/api.yaml": web(7) });
    await tree.push(repository.path);
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect([commitOn("prod-1"), commitOn("dev-1")]).toEqual([head, head]), 5_000);
    // What there is, and then what is missing of it.
    expect(questions()).toBe(before + 2);
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect(questions()).toBeGreaterThan(before + 2), 5_000);
    await vi.waitFor(() => expect(hub.loop.controllers.every(({ busy }) => busy === 0)).toBe(true), 5_000);
    expect(questions()).toBe(before + 3);
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

  it("E82: keeps the targets of a source that was removed, and says why", async () => {
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

  it("E4: takes a rewritten history, and tells it where people look", async () => {
    const { tree, hub } = await begin();
    const before = await tree.commit("Second", { "apps/web/web.yaml": web(2) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.commit).toBe(before), 5_000);
    for (const replicas of [3, 4]) await tree.write({ "apps/web/web.yaml": web(replicas) });
    await tree.git("commit", "--quiet", "--all", "--amend", "--message=Rewritten");
    const after = (await tree.git("rev-parse", "HEAD")).trim();
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.commit).toBe(after), 5_000);
    const steps = `it went from ${before.slice(0, 7)} to ${after.slice(0, 7)}, which does not follow it`;
    const message = `the history of main was rewritten: ${steps}`;
    await vi.waitFor(() => expect(hub.views.source("config")?.reason).toBe(message), 5_000);
    expect(hub.views.source("config")?.state).toBe("current");
    expect(hub.store.events().map((event) => event.message)).toContain(`source config: ${message}`);
  });

  it("E5: a reverted commit brings the same bundle back", async () => {
    const { tree, hub } = await begin();
    const first = hub.newest("prod-1")?.targets[0]?.bundle;
    await tree.commit("scale", { "apps/web/web.yaml": web(7) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.bundle).not.toBe(first), 5_000);
    await tree.commit("revert", { "apps/web/web.yaml": web(1) });
    await vi.waitFor(() => expect(hub.newest("prod-1")?.targets[0]?.bundle).toBe(first), 5_000);
  });

  it("E40: changes nothing for applications that depend on themselves, until any of them does no more", async () => {
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

  it("says of a target whose chart looks at its cluster that it waits for what the agent tells", async () => {
    const { tree, hub } = await begin();
    const { signal } = new AbortController();
    await tree.commit("a chart", {
      "apps/chart/drover.yaml": `${application("chart")}---\n${placement("chart", "prod")}`,
      "apps/chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
      "apps/chart/templates/map.yaml": "{{ .Capabilities.APIVersions }}",
    });
    await vi.waitFor(() => expect(hub.views.application("chart")).toBeDefined(), 5_000);
    const result = await hub.explanations.why({ app: "chart", cluster: "prod-1" }, signal);
    const waiting = "the chart looks at the APIs of its cluster, which no agent has told yet";
    expect(result).toMatchObject({ selected: true, waiting, problems: [] });
    const style = { unicode: true, paint: (_colour: unknown, text: string) => text, width: 80, height: 24 };
    expect(formatWhy(result, style)).toContain(`  ⧖ it waits: ${waiting}`);
  });
});
