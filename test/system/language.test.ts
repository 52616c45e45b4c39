import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { application, configMap } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

function cluster(name: string, spec: string): string {
  return `apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
}

function placement(spec: string): string {
  return `apiVersion: drover.dev/v1alpha1\nkind: Placement\nmetadata: { name: shop }\nspec: { applications: [shop], ${spec} }\n`;
}

describe("the configuration language on a fleet", () => {
  let fleet: Fleet;
  const names = ["eu-1", "eu-2", "us-1"];
  const domains = (us: string): string =>
    [
      cluster("eu-1", "{ vars: { domain: eu.example.org } }"),
      cluster("eu-2", "{ vars: { domain: eu.example.org } }"),
      cluster("us-1", us),
    ].join("---\n");
  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "eu-1": { region: "eu" }, "eu-2": { region: "eu" }, "us-1": { region: "us" } },
      files: {
        "clusters.yaml": domains("{ vars: { domain: us.example.org } }"),
        "apps/shop/drover.yaml": application("shop", "shop").replace("spec:", "spec:\n  substitute: true"),
        "apps/shop/placement.yaml": placement("selector: {}"),
        "apps/shop/shop.yaml": configMap("shop", { url: "https://${cluster.name}.${cluster.vars.domain}/" }),
      },
    });
    await untilStates({ "eu-1": "current", "eu-2": "current", "us-1": "current" });
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await fleet.targets()).map((target) => [target.cluster, target.state]));
  const untilStates = async (expected: Record<string, string>): Promise<void> => {
    await vi.waitFor(async () => expect(await states()).toEqual(expected), waiting);
  };
  const urlOn = async (name: string) => (await fleet.cluster(name).get("shop", "configmap/shop"))?.data?.["url"];
  const conditionOf = async () =>
    (await fleet.client.applications.get("shop", soon())).conditions.find(({ type }) => type === "Placed");

  it("fills in for each cluster what it is called and what Git says of it", async () => {
    expect(await Promise.all(names.map(urlOn))).toEqual([
      "https://eu-1.eu.example.org/",
      "https://eu-2.eu.example.org/",
      "https://us-1.us.example.org/",
    ]);
  });

  it("E13: a variable that one cluster lacks keeps what runs there, says why, and stops no other", async () => {
    await fleet.tree.commit("no domain for us-1, and another path", {
      "clusters.yaml": domains("{ vars: {} }"),
      "apps/shop/shop.yaml": configMap("shop", { url: "https://${cluster.vars.domain}/new" }),
    });
    await vi.waitFor(async () => expect(await urlOn("eu-2")).toBe("https://eu.example.org/new"), waiting);
    expect(await urlOn("us-1")).toBe("https://us-1.us.example.org/");
    expect(await conditionOf()).toMatchObject({
      status: "False",
      reason: "OverrideFailed",
      message: expect.stringMatching(/^us-1: .*no value for \$\{cluster\.vars\.domain\}/u),
    });
  });

  it("takes up a variable as soon as Git has it", async () => {
    await fleet.tree.commit("a domain for us-1", { "clusters.yaml": domains("{ vars: { domain: us.example.com } }") });
    await vi.waitFor(async () => expect(await urlOn("us-1")).toBe("https://us.example.com/new"), waiting);
    expect(await conditionOf()).toMatchObject({ status: "True" });
  });

  it("keeps new applications away from a cluster that a person cordons, until it is opened again", async () => {
    await fleet.client.clusters.cordon("eu-2", { cordoned: true, reason: "it moves" }, soon());
    const files = {
      "apps/late/drover.yaml": application("late", "late"),
      "apps/late/placement.yaml": placement("clusters: [eu-2]").replaceAll("shop", "late"),
      "apps/late/late.yaml": configMap("late", {}),
    };
    await fleet.tree.commit("place late", files);
    await vi.waitFor(async () => {
      const { reason } = await fleet.client.applications.get("late", soon());
      expect(reason).toBe("placement late matches it, but it takes nothing new: it moves");
    }, waiting);
    await fleet.client.clusters.cordon("eu-2", { cordoned: false }, soon());
    await vi.waitFor(async () => {
      expect((await fleet.cluster("eu-2").get("late", "configmap/late"))?.metadata.name).toBe("late");
    }, waiting);
    await fleet.tree.commit("no late", { "apps/late": undefined });
  });

  it("leaves a cordoned cluster what it has, and gives it nothing new", async () => {
    await fleet.tree.commit("cordon us-1, and an application more", {
      "clusters.yaml": domains("{ cordoned: true, vars: { domain: us.example.net } }"),
      "apps/more/drover.yaml": `${application("more", "more")}---\n${placement("selector: {}").replaceAll("shop", "more")}`,
      "apps/more/more.yaml": configMap("more", { a: "1" }),
    });
    await vi.waitFor(async () => {
      expect(await fleet.cluster("eu-1").get("more", "configmap/more")).toBeDefined();
      expect(await urlOn("us-1")).toBe("https://us.example.net/new");
    }, waiting);
    expect((await fleet.targets()).map(({ app, cluster: on }) => `${app}@${on}`).toSorted()).toEqual([
      "more@eu-1",
      "more@eu-2",
      "shop@eu-1",
      "shop@eu-2",
      "shop@us-1",
    ]);
    await fleet.tree.commit("no more", { "apps/more": undefined });
    await vi.waitFor(async () => expect(await fleet.targets()).toHaveLength(3), waiting);
  });

  it("chooses by what agents say of their clusters, which nobody else can set", async () => {
    const onNodes = (value: string): string =>
      placement(`selector: { matchLabels: { facts.drover.dev/agent-version: "${value}" } }`);
    await fleet.tree.commit("by fact", { "apps/shop/placement.yaml": onNodes("none") });
    await vi.waitFor(async () => {
      const { conditions } = await fleet.client.applications.get("shop", soon());
      const message = conditions.find(({ type }) => type === "Placed")?.message ?? "";
      expect(message).toMatch(/facts\.drover\.dev\/agent-version is \d/u);
    }, waiting);
    await expect(
      fleet.client.clusters.label("eu-1", { "facts.drover.dev/agent-version": "none" }, soon()),
    ).rejects.toMatchObject({ code: "usage" });
    await fleet.tree.commit("back, and us-1 is open again", {
      "apps/shop/placement.yaml": placement("selector: {}"),
      "clusters.yaml": domains("{ vars: { domain: us.example.net } }"),
    });
    await untilStates({ "eu-1": "current", "eu-2": "current", "us-1": "current" });
  });

  it("runs on as many clusters as the limit says, where it runs already, and leaves the others", async () => {
    await fleet.tree.commit("only two", {
      "apps/shop/placement.yaml": placement("selector: {}, limit: 2, spread: region"),
    });
    await vi.waitFor(async () => expect(await fleet.targets()).toHaveLength(2), waiting);
    const left = (await fleet.targets()).map((target) => target.cluster);
    expect(left).toContain("us-1");
    await vi.waitFor(async () => {
      const there = await Promise.all(names.map(urlOn));
      expect(there.filter((url) => url !== undefined)).toHaveLength(2);
    }, waiting);
  });
});
