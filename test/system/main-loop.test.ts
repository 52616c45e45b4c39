import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { drover } from "./cli.ts";
import { application, configMap, deployment, placement } from "./fixtures.ts";
import { startFleet, type Fleet, type Servers } from "./fleet.ts";

/** The promises of the main loop, in the order in which one fleet lives through them. */
function mainLoop(servers: Servers): void {
  let fleet: Fleet;
  let head: string;
  const everywhere = ["shop@dev-1", "shop@prod-1", "web@prod-1"];

  beforeAll(async () => {
    fleet = await startFleet({
      servers,
      nodes: 1,
      joinByManifest: true,
      clusters: { "dev-1": { env: "dev" }, "prod-1": { env: "prod" }, "idle-1": { env: "none" } },
      files: {
        "apps/web/drover.yaml": application("web", "shop") + placement("web", { env: "prod" }),
        "apps/web/web.yaml": deployment("web", "nginx:1.29"),
        "apps/shop/drover.yaml": `${application("shop", "shop")}---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: shop }
spec:
  applications: [shop]
  selector:
    matchExpressions: [{ key: env, operator: In, values: [dev, prod] }]
  overrides:
    - selector: { matchLabels: { env: prod } }
      patches:
        - target: { kind: ConfigMap, name: shop }
          strategic:
            data: { mode: production }
`,
        "apps/shop/shop.yaml": `${configMap("shop", { mode: "test" })}---\n${configMap("extra", { a: "1" })}`,
      },
    });
    head = await commitOf(fleet);
    await fleet.settle(head, everywhere);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  it("patches per environment", async () => {
    expect((await fleet.cluster("dev-1").get("shop", "configmap/shop"))?.data).toEqual({ mode: "test" });
    expect((await fleet.cluster("prod-1").get("shop", "configmap/shop"))?.data).toEqual({ mode: "production" });
  });

  it("why and why-not tell a person what selects a cluster, what is changed there, and what is missing", async () => {
    const run = async (...argv: readonly string[]) =>
      drover(fleet.url, argv, { env: { DROVER_TOKEN: fleet.token, COLUMNS: "120" } });
    const why = await run("why", "shop@prod-1");
    expect(why).toMatchObject({ code: 0, stderr: "" });
    expect(why.stdout).toMatch(/^✔ shop runs on prod-1\n {2}✔ current at \w{7}, bundle \w+\n/u);
    expect(why.stdout).toMatch(/✔ env in \(dev,prod\) {2}has env=prod {2}drover cluster label\n/u);
    expect(why.stdout).toMatch(
      /✔ override matches env=prod {2}apps\/shop\/drover\.yaml:18\n +patches\[0\] {2}1 field in 1/u,
    );
    const whyNot = await run("why-not", "web@dev-1");
    expect(whyNot).toMatchObject({ code: 0, stderr: "" });
    expect(whyNot.stdout).toMatch(/✗ placement web needs env=prod, has env=dev {2}apps\/web\/drover\.yaml:9\n/u);
    expect(await run("why", "web@dev-1")).toMatchObject({
      code: 5,
      stdout: "",
      stderr: expect.stringContaining("hint: drover why-not web@dev-1"),
    });
  });

  it("a commit that changes one image reaches exactly the clusters that match; the others see no request", async () => {
    const [dev, idle] = [fleet.cluster("dev-1"), fleet.cluster("idle-1")];
    const before = [await dev.writes(), await idle.writes()];
    head = await fleet.tree.commit("new image", { "apps/web/web.yaml": deployment("web", "nginx:1.30") });
    await fleet.settle(head, everywhere);
    expect(JSON.stringify((await fleet.cluster("prod-1").get("shop", "deployment/web"))?.spec)).toContain("nginx:1.30");
    expect([await dev.writes(), await idle.writes()]).toEqual(before);
  });

  it("a reverted commit restores", async () => {
    await fleet.tree.git("revert", "--no-edit", "HEAD");
    head = await commitOf(fleet);
    await fleet.settle(head, everywhere);
    expect(JSON.stringify((await fleet.cluster("prod-1").get("shop", "deployment/web"))?.spec)).toContain("nginx:1.29");
  });

  it("undoes kubectl edit, scale and label removal, and leaves foreign fields and objects alone", async () => {
    const prod = fleet.cluster("prod-1");
    await prod.run("create", "--namespace", "shop", "configmap", "foreign", "--from-literal=a=b");
    await prod.run("annotate", "--namespace", "shop", "deployment/web", "example.com/note=mine");
    const before = await prod.get("shop", "deployment/web");
    const edited = await prod.kubectl(["edit", "--namespace", "shop", "configmap/shop"], {
      env: { KUBE_EDITOR: "sed -i s/production/hacked/" },
    });
    expect(edited.stdout).toContain("edited");
    const addition = '{"data":{"other":"mine"}}';
    await prod.run("patch", "--namespace", "shop", "configmap/shop", "--type=merge", "--patch", addition);
    await prod.run("scale", "--namespace", "shop", "deployment/web", "--replicas=9");
    await prod.run("label", "--namespace", "shop", "deployment/web", "app-");
    await vi.waitFor(async () => {
      expect((await prod.get("shop", "configmap/shop"))?.data).toEqual({ mode: "production", other: "mine" });
      const web = await prod.get("shop", "deployment/web");
      expect(web?.spec["replicas"]).toBe(2);
      expect(web?.metadata.labels).toMatchObject({ app: "web" });
      expect(web?.metadata.uid).toBe(before?.metadata.uid);
    }, waiting);
    expect(await prod.run("get", "--namespace", "shop", "deployment/web", "--output=yaml")).toContain(
      "example.com/note: mine",
    );
    expect((await prod.get("shop", "configmap/foreign"))?.data).toEqual({ a: "b" });
  });

  it("brings back what was deleted, and what lost the label that marks it as ours keeps its uid", async () => {
    const dev = fleet.cluster("dev-1");
    const [shop, extra] = [await dev.get("shop", "configmap/shop"), await dev.get("shop", "configmap/extra")];
    await dev.run("delete", "--namespace", "shop", "configmap/shop");
    await dev.run("label", "--namespace", "shop", "configmap/extra", "drover.dev/application-");
    await vi.waitFor(async () => {
      const back = await dev.get("shop", "configmap/shop");
      expect(back?.data).toEqual({ mode: "test" });
      expect(back?.metadata.uid).not.toBe(shop?.metadata.uid);
      const relabelled = await dev.get("shop", "configmap/extra");
      expect(relabelled?.metadata.labels).toHaveProperty("drover.dev/application", "shop");
      expect(relabelled?.metadata.uid).toBe(extra?.metadata.uid);
    }, waiting);
    await fleet.settle(head, everywhere);
  });

  it("prunes the objects of a file that was removed, and nothing else", async () => {
    head = await fleet.tree.commit("drop extra", { "apps/shop/shop.yaml": configMap("shop", { mode: "test" }) });
    await fleet.settle(head, everywhere);
    for (const name of ["dev-1", "prod-1"]) {
      await vi.waitFor(
        async () => expect(await fleet.cluster(name).get("shop", "configmap/extra")).toBeUndefined(),
        waiting,
      );
    }
    expect(await fleet.cluster("prod-1").get("shop", "configmap/foreign")).toBeDefined();
  });

  it("case 15: applies the items of lists, nested ones too, and prunes them one by one", async () => {
    const item = (name: string): string => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} }, data: {} }`;
    const list = (...names: readonly string[]): string => `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMapList
    items: [${names.map(item).join(", ")}]
  - ${item("item-outer")}
`;
    const commit = async (text: string | undefined): Promise<void> => {
      head = await fleet.tree.commit("a list", { "apps/shop/list.yaml": text });
      await fleet.settle(head, everywhere);
    };
    const items = async (): Promise<readonly string[]> => {
      const names = ["item-a", "item-b", "item-outer"];
      const found = names.map((name) => fleet.cluster("dev-1").get("shop", `configmap/${name}`));
      return (await Promise.all(found)).flatMap((object) => object?.metadata.name ?? []);
    };
    await commit(list("item-a", "item-b"));
    expect(await items()).toEqual(["item-a", "item-b", "item-outer"]);
    await commit(list("item-b"));
    await vi.waitFor(async () => expect(await items()).toEqual(["item-b", "item-outer"]), { timeout: 10_000 });
    await commit(undefined);
  });

  it("case 12: refuses a name that is to be generated, where it stands, and applies one that is there", async () => {
    const named = configMap("named", {}).replace("name: named", "name: named, generateName: other-");
    const unnamed = configMap("unnamed", {}).replace("name: unnamed", "generateName: unnamed-");
    expect([named, unnamed].every((text) => text.includes("generateName"))).toBe(true);
    await fleet.tree.commit("generated", { "apps/shop/generated.yaml": unnamed });
    await vi.waitFor(async () => {
      const { problems } = await fleet.client.applications.get("shop", AbortSignal.timeout(10_000));
      expect(problems).toContainEqual(
        expect.objectContaining({ at: expect.objectContaining({ file: "apps/shop/generated.yaml" }) }),
      );
    }, 10_000);
    head = await fleet.tree.commit("named", { "apps/shop/generated.yaml": named });
    await fleet.settle(head, everywhere);
    expect(await fleet.cluster("dev-1").get("shop", "configmap/named")).toBeDefined();
    head = await fleet.tree.commit("no more", { "apps/shop/generated.yaml": undefined });
    await fleet.settle(head, everywhere);
  });

  it("case 46: E42: holds a large deletion until a person confirms it, and on that cluster alone", async () => {
    const many = Array.from({ length: 12 }, (_, index) => configMap(`many-${index}`, { a: "1" })).join("---\n");
    head = await fleet.tree.commit("many", { "apps/shop/many.yaml": many });
    await fleet.settle(head, everywhere);
    await fleet.tree.commit("drop many", { "apps/shop/many.yaml": undefined });
    const held = { objects: 12, reason: "ManyLeave" };
    const heldOn = async (cluster: string) =>
      (await fleet.client.targets.get({ app: "shop", cluster }, soon())).heldPrune;
    await vi.waitFor(async () => expect(await heldOn("dev-1")).toMatchObject(held), waiting);
    await vi.waitFor(async () => expect(await heldOn("prod-1")).toMatchObject(held), waiting);

    const digest = (await heldOn("dev-1"))?.digest ?? "";
    const shop = { app: "shop", cluster: "dev-1" };
    const wrong = fleet.client.targets.confirmPrune(shop, { digest: digest.replace(/.$/u, "x") }, soon());
    await expect(wrong).rejects.toThrow(/does not hold these deletions|digest/u);
    expect(await fleet.cluster("dev-1").get("shop", "configmap/many-11")).toBeDefined();
    await fleet.client.targets.confirmPrune(shop, { digest }, soon());
    const isGone = async () => expect(await fleet.cluster("dev-1").get("shop", "configmap/many-11")).toBeUndefined();
    await vi.waitFor(isGone, waiting);
    expect(await fleet.cluster("dev-1").get("shop", "configmap/shop")).toBeDefined();
    expect(await fleet.cluster("prod-1").get("shop", "configmap/many-11")).toBeDefined();

    await fleet.tree.git("revert", "--no-edit", "HEAD");
    head = await commitOf(fleet);
    await fleet.settle(head, everywhere);
    expect(await heldOn("prod-1")).toBeUndefined();
  });

  it("E20: a relabelled cluster gains and loses applications", async () => {
    await fleet.client.clusters.label("dev-1", { env: "none" }, AbortSignal.timeout(5_000));
    await fleet.client.clusters.label("idle-1", { env: "dev" }, AbortSignal.timeout(5_000));
    await fleet.settle(head, ["shop@idle-1", "shop@prod-1", "web@prod-1"]);
    expect((await fleet.cluster("idle-1").get("shop", "configmap/shop"))?.data).toEqual({ mode: "test" });
    expect(await fleet.cluster("dev-1").get("shop", "configmap/shop")).toBeUndefined();
    await fleet.client.clusters.label("dev-1", { env: "dev" }, AbortSignal.timeout(5_000));
    await fleet.client.clusters.label("idle-1", { env: "none" }, AbortSignal.timeout(5_000));
    await fleet.settle(head, everywhere);
  });

  it("R6: an agent without its hub heals, and catches up when the hub is back", async () => {
    const prod = fleet.cluster("prod-1");
    await fleet.hub.kill();
    await prod.run(
      "patch",
      "--namespace",
      "shop",
      "configmap/shop",
      "--type=merge",
      "--patch",
      '{"data":{"mode":"alone"}}',
    );
    await vi.waitFor(
      async () => expect((await prod.get("shop", "configmap/shop"))?.data?.["mode"]).toBe("production"),
      waiting,
    );
    await prod.agent.kill();
    await prod.run(
      "patch",
      "--namespace",
      "shop",
      "configmap/shop",
      "--type=merge",
      "--patch",
      '{"data":{"mode":"again"}}',
    );
    prod.agent.start();
    await vi.waitFor(
      async () => expect((await prod.get("shop", "configmap/shop"))?.data?.["mode"]).toBe("production"),
      waiting,
    );
    head = await fleet.tree.commit("while the hub is away", { "apps/web/web.yaml": deployment("web", "nginx:1.31") });
    fleet.hub.start();
    await fleet.settle(head, everywhere);
  });

  it("an emptied repository prunes nothing and says so", async () => {
    await fleet.tree.commit("oops", { apps: undefined, README: "all gone" });
    await vi.waitFor(async () => {
      const source = await fleet.client.sources.get("config", AbortSignal.timeout(5_000));
      expect(source.reason).toMatch(/declares nothing any more; 2 applications on 3 targets are kept/u);
    }, waiting);
    expect(await fleet.cluster("prod-1").get("shop", "deployment/web")).toBeDefined();
    expect(await fleet.cluster("prod-1").get("shop", "configmap/shop")).toBeDefined();
    await fleet.tree.git("revert", "--no-edit", "HEAD");
    head = await commitOf(fleet);
    await fleet.settle(head, everywhere);
  });
}

const soon = () => AbortSignal.timeout(5_000);
const waiting = { timeout: 60_000, interval: 50 };

async function commitOf(fleet: Fleet): Promise<string> {
  return (await fleet.tree.git("rev-parse", "HEAD")).trim();
}

describe("main loop on embedded clusters", () => {
  mainLoop("embedded");
});
describeWithRig(
  "kube-apiserver",
  "etcd",
  "kubectl",
)("main loop on real API servers", () => {
  mainLoop("real");
});
