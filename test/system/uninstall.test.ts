import { afterAll, beforeAll, expect, test } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { drover, type Outcome } from "./cli.ts";
import { eventually } from "./eventually.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

describeWithRig("git")("a cluster that is to leave", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "here-1": { env: "a" }, "away-1": { env: "a" }, "kept-1": { env: "a" } },
      files: {
        "apps/web/drover.yaml": application("web", "web") + placement("web", { env: "a" }),
        "apps/web/web.yaml": configMap("web", { a: "1" }),
        "apps/data/drover.yaml":
          application("data", "data").replace("createNamespace: true", "createNamespace: true, deletion: detach") +
          placement("data", { env: "a" }),
        "apps/data/data.yaml": configMap("data", { a: "1" }),
      },
    });
    const head = (await fleet.tree.git("rev-parse", "HEAD")).trim();
    const clusters = ["away-1", "here-1", "kept-1"];
    await fleet.settle(
      head,
      clusters.flatMap((name) => [`data@${name}`, `web@${name}`]),
    );
    for (const name of clusters) {
      const { run: kubectl } = fleet.cluster(name);
      await kubectl("create", "configmap", "foreign", "--namespace", "web", "--from-literal=a=b");
    }
  });
  afterAll(async () => fleet[Symbol.asyncDispose]());

  const run = async (line: string): Promise<Outcome> =>
    drover(fleet.url, line.split(" "), { env: { DROVER_TOKEN: fleet.token, COLUMNS: "200" } });
  const has = async (cluster: string, namespace: string, name: string): Promise<boolean> =>
    (await fleet.cluster(cluster).get(namespace, `configmap/${name}`)) !== undefined;
  const isGone = async (cluster: string): Promise<void> =>
    eventually(
      async () => {
        const { code, stdout } = await run(`describe cluster ${cluster}`);
        if (code !== 5) throw new Error(stdout);
      },
      { timeoutMs: 30_000, intervalMs: 50 },
    );

  test("asks first, and leaves everything where it is when nothing else is said", async () => {
    const asked = await run("cluster detach kept-1 --uninstall");
    expect([asked.code, asked.stderr]).toEqual([
      6,
      expect.stringContaining("has 2 applications that would be deleted there"),
    ]);
    expect((await run("cluster detach kept-1 --yes")).stderr).toContain("what runs there stays");
    expect([await has("kept-1", "web", "web"), await has("kept-1", "data", "data")]).toEqual([true, true]);
  });

  test("is uninstalled and then removed, but for what belongs to others and what Git says is to stay", async () => {
    const told = await run("cluster detach here-1 --uninstall --yes");
    expect([told.code, told.stderr]).toEqual([
      0,
      expect.stringContaining("here-1 uninstalls 2 applications, and is removed then"),
    ]);
    await isGone("here-1");
    expect([
      await has("here-1", "web", "web"),
      await has("here-1", "web", "foreign"),
      await has("here-1", "data", "data"),
    ]).toEqual([false, true, true]);
  });

  test("E74: is uninstalled when its agent is back, over a restart of the hub, and nothing new comes there meanwhile", async () => {
    await fleet.cluster("away-1").agent.kill();
    await eventually(
      async () => {
        if (!(await run("get clusters away-1")).stdout.includes("offline")) throw new Error("it is connected");
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
    const told = await run("cluster detach away-1 --uninstall --yes");
    expect(told.stderr).toContain("uninstalls 2 applications when its agent is back");
    expect((await run("get clusters away-1")).stdout).toContain("deleting");
    expect((await run("join away-1")).stderr).toContain("is being uninstalled");
    await fleet.hub.kill();
    fleet.hub.start();
    await fleet.hub.ready();
    await fleet.tree.commit("change", { "apps/web/web.yaml": configMap("web", { a: "2" }) });
    expect(await has("away-1", "web", "web")).toBe(true);
    fleet.cluster("away-1").agent.start();
    await isGone("away-1");
    expect([
      await has("away-1", "web", "web"),
      await has("away-1", "web", "foreign"),
      await has("away-1", "data", "data"),
    ]).toEqual([false, true, true]);
    const audit = JSON.parse((await run("audit -o json")).stdout) as { items: Record<string, unknown>[] };
    expect(audit.items.filter(({ verb, name }) => verb === "delete" && name === "away-1").length).toBeGreaterThan(0);
  });
});
