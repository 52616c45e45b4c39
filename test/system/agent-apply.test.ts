import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import {
  configMap,
  deployment,
  deploymentPath,
  gadget,
  gadgets,
  mapPath,
  secret,
  widget,
  widgets,
} from "./agent-objects.ts";
import { field, readManifests, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const corpus = join(import.meta.dirname, "..", "..", "..", "shared", "corpus", "argocd-example-apps");
const patience = { timeout: 15_000, interval: 10 } as const;

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh } = shareAgent(server, { prefix: "app", started: (running) => void (agent = running) });

  it("applies what is assigned, owned by drover and labelled", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [configMap("first", { a: "1" }), deployment("first", 1)]);
    await agent.untilApplied(app, bundle);
    const map = await agent.get(mapPath("first"));
    expect(field(map, "data")).toEqual({ a: "1" });
    expect(field(map, "metadata", "labels")).toEqual({
      "drover.dev/application": app,
      "drover.dev/owner": expect.stringMatching(/^[\da-f-]{36}$/u),
    });
    const owners = (field(map, "metadata", "managedFields") as { manager: string }[]).map(({ manager }) => manager);
    expect(owners).toEqual(["drover"]);
    expect(await agent.get(deploymentPath("first"))).toBeDefined();
  });

  it("case 1: an unchanged bundle costs no request at all", async () => {
    const app = fresh();
    const objects = [configMap("unchanged", { a: "1" }), deployment("unchanged", 1)];
    const { bundle } = agent.hub.assign(app, objects);
    await agent.untilApplied(app, bundle);
    await agent.untilReported(app, { objects: [{ apply: "applied" }, { apply: "applied" }] });
    await vi.waitFor(() => expect(agent.takeRequests().filter((r) => !r.startsWith("WATCH"))).toEqual([]), patience);
    agent.hub.assign(app, objects, { commit: "1".repeat(40) });
    await agent.untilReported(app, { commit: "1".repeat(40) });
    expect(agent.takeRequests()).toEqual([]);
  });

  it("sends one request for one changed object and none for the others", async () => {
    const app = fresh();
    const objects = Array.from({ length: 10 }, (_, index) => configMap(`many-${index}`, { a: "1" }));
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    agent.takeRequests();
    const changed = [...objects.slice(1), configMap("many-0", { a: "2" })];
    await agent.untilApplied(app, agent.hub.assign(app, changed).bundle);
    expect(writesOf(agent.takeRequests())).toEqual([expect.stringMatching(/^PATCH .*configmaps\/many-0\?/u)]);
    expect(field(await agent.get(mapPath("many-0")), "data")).toEqual({ a: "2" });
  });

  it("prunes what Git dropped and nothing else", async () => {
    const app = fresh();
    await agent.create("/api/v1/namespaces/default/configmaps", configMap("foreign", { a: "1" }));
    await agent.untilApplied(
      app,
      agent.hub.assign(app, [configMap("kept", { a: "1" }), configMap("dropped", { a: "1" })]).bundle,
    );
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("kept", { a: "1" })]).bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath("dropped"))).toBeUndefined(), patience);
    expect(await agent.get(mapPath("kept"))).toBeDefined();
    expect(await agent.get(mapPath("foreign"))).toBeDefined();
  });

  it("case 44: leaves and reports an object that somebody made anew", async () => {
    const app = fresh();
    await agent.untilApplied(
      app,
      agent.hub.assign(app, [configMap("mine", { a: "1" }), configMap("taken", { a: "1" })]).bundle,
    );
    await agent.stop();
    await agent.remove(mapPath("taken"));
    await agent.create("/api/v1/namespaces/default/configmaps", {
      ...configMap("taken", { theirs: "1" }),
      metadata: { name: "taken", labels: { "drover.dev/application": app } },
    });
    const { bundle } = agent.hub.assign(app, [configMap("mine", { a: "1" })]);
    // Without its disk the agent cannot take the object for drift of the bundle before.
    await agent.restart({ loseDisk: true });
    const left = { key: { name: "taken" }, apply: "abandoned", reason: "MadeAnew" };
    await agent.untilReported(app, { applied: bundle, phase: "applied", objects: [left, { apply: "applied" }] });
    expect(field(await agent.get(mapPath("taken")), "data")).toEqual({ theirs: "1" });
  });

  it("keeps what is not to be pruned, and says so", async () => {
    const app = fresh();
    const objects = [configMap("stays", { a: "1" }), configMap("abandoned", { a: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects, { prune: false }).bundle);
    agent.hub.assign(app, objects.slice(0, 1), { prune: false });
    await agent.untilReported(app, {
      phase: "applied",
      objects: [{ apply: "abandoned", reason: "PruneDisabled" }, {}],
    });
    expect(await agent.get(mapPath("abandoned"))).toBeDefined();
  });

  it("keeps what a refused object may replace, and goes on with what is independent", async () => {
    const app = fresh();
    await agent.untilApplied(
      app,
      agent.hub.assign(app, [configMap("old", { a: "1" }), configMap("steady", { a: "1" })]).bundle,
    );
    const broken = { ...configMap("broken", {}), data: { "not a key": "1" } };
    agent.hub.assign(app, [configMap("steady", { a: "2" }), broken, deployment("after-broken", 1)]);
    await agent.untilReported(app, { phase: "failed", reason: "Invalid" });
    expect(await agent.get(deploymentPath("after-broken"))).toBeDefined();
    expect(field(await agent.get(mapPath("steady")), "data")).toEqual({ a: "2" });
    expect(await agent.get(mapPath("old"))).toBeDefined();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("steady", { a: "2" })]).bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath("old"))).toBeUndefined(), patience);
    await vi.waitFor(async () => expect(await agent.get(deploymentPath("after-broken"))).toBeUndefined(), patience);
  });

  it("case 69: no value of a refused secret is in any report", async () => {
    const app = fresh();
    agent.hub.assign(app, [secret("leaky", { "bad key": "hunter2-hunter2" })]);
    await agent.untilReported(app, { phase: "failed" });
    const text = JSON.stringify(agent.hub.reports);
    expect(text).not.toContain("hunter2");
    expect(text).not.toContain(btoa("hunter2-hunter2"));
  });

  it("case 32: names an immutable field and leaves the live object as it is", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [deployment("fixed", 1)]).bundle);
    agent.hub.assign(app, [deployment("fixed", 1, "another")]);
    await agent.untilReported(app, { phase: "failed", reason: "Immutable" });
    expect(agent.hub.report(app)?.objects[0]?.message).toContain("spec.selector");
    const live = await agent.get(deploymentPath("fixed"));
    expect(field(live, "spec", "selector", "matchLabels")).toEqual({ app: "fixed" });
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
  });

  it("removes a buried application, in any number of tries", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [configMap("buried", { a: "1" }), deployment("buried", 1)]);
    await agent.untilApplied(app, bundle);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed", objects: [] });
    expect(await agent.get(mapPath("buried"))).toBeUndefined();
    expect(await agent.get(deploymentPath("buried"))).toBeUndefined();
    expect(await agent.get(`/api/v1/namespaces/drover-system/configmaps/drover-inventory-${app}`)).toBeUndefined();
    agent.hub.hand({});
    await vi.waitFor(() => expect(agent.hub.report(app)?.phase).toBe("removed"), patience);
  });

  it("E82: waits for finalizers, and takes an application in again that is assigned before it is gone", async () => {
    const app = fresh();
    const held = configMap("held", { a: "1" });
    const objects = [
      { ...held, metadata: { ...held.metadata, finalizers: ["test.drover.dev/hold"] } },
      configMap("free", {}),
    ];
    const { bundle } = agent.hub.assign(app, objects);
    await agent.untilApplied(app, bundle);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removing", objects: [{ apply: "pruning", reason: "Deleting" }] });
    agent.hub.assign(app, objects);
    await vi.waitFor(async () => expect(await agent.get(mapPath("free"))).toBeDefined(), patience);
    await agent.untilReported(app, { phase: "applying", reason: "Terminating" });
    await agent.edit(mapPath("held"), { metadata: { finalizers: null } });
    await agent.untilApplied(app, bundle);
    await vi.waitFor(async () => {
      expect(field(await agent.get(mapPath("held")), "metadata", "deletionTimestamp")).toBeUndefined();
    }, patience);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removing" });
    await agent.edit(mapPath("held"), { metadata: { finalizers: null } });
    await agent.untilReported(app, { phase: "removed" });
  });

  it("case 36: a namespace, a kind, an object of the kind and a workload in one bundle, in one pass", async () => {
    const app = fresh();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "whole" } };
    const { bundle } = agent.hub.assign(app, [
      widget("one", "whole"),
      configMap("inside", {}, "whole"),
      namespace,
      widgets,
    ]);
    await agent.untilApplied(app, bundle);
    expect(agent.hub.reports.filter((r) => r.application === app && r.phase === "failed")).toEqual([]);
    expect(await agent.get("/apis/test.drover.dev/v1/namespaces/whole/widgets/one")).toBeDefined();
    agent.hub.bury(app);
    await vi.waitFor(async () => {
      expect(await agent.get("/apis/test.drover.dev/v1/namespaces/whole/widgets/one")).toBeUndefined();
    }, patience);
  });

  it("case 37: parks an object whose kind is missing and applies it as soon as the kind is there", async () => {
    const app = fresh();
    agent.hub.assign(app, [gadget("early"), configMap("meanwhile", { a: "1" })]);
    await agent.untilReported(app, {
      phase: "applying",
      objects: [{ apply: "pending", reason: "WaitingForKind" }, { apply: "applied" }],
    });
    await agent.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", gadgets);
    await vi.waitFor(async () => expect(await agent.get("/apis/parts.drover.dev/v1/gadgets/early")).toBeDefined(), {
      timeout: 3_000,
      interval: 10,
    });
    await agent.untilReported(app, { phase: "applied" });
  });

  it("case 14: puts objects without a namespace into the default one, which it makes when asked to", async () => {
    const app = fresh();
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "homeless" }, data: { a: "1" } };
    const { bundle } = agent.hub.assign(app, [object], { namespace: "made", createNamespace: true });
    await agent.untilApplied(app, bundle);
    expect(await agent.get(mapPath("homeless", "made"))).toBeDefined();
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get("/api/v1/namespaces/made")).toBeDefined();
  });

  it("refuses what is not for it, not signed, or older than what it has", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("guarded", { a: "1" })]).bundle);
    const refusals = async (assignments: object): Promise<void> => {
      const before = agent.hub.acknowledgements.length;
      agent.hub.hand({
        targets: [],
        tombstones: [{ application: app, reason: "hostile", detach: false, confirmPrune: "" }],
        ...assignments,
      });
      await vi.waitFor(() => expect(agent.hub.acknowledgements.length).toBe(before + 1), patience);
      expect(agent.hub.acknowledgements.at(-1)?.refusal?.code).toBe("assignment_refused");
    };
    await refusals({ cluster: "other" });
    await refusals({ generation: 1 });
    expect(await agent.get(mapPath("guarded"))).toBeDefined();
  });

  it("tells the hub where its cluster runs, and how many nodes it has", async () => {
    const nodes = Array.from({ length: 23 }, (_, index) => {
      const labels = { "topology.kubernetes.io/region": index % 3 === 0 ? "ap-1" : "eu-west-1" };
      const spec = { providerID: `aws:///eu-west-1a/i-${index}`, unschedulable: true };
      return { apiVersion: "v1", kind: "Node", metadata: { name: `machine-${index}`, labels }, spec };
    });
    const known = agent.hub.hellos.length;
    const before = agent.hub.hellos.at(-1)?.nodes ?? 0;
    for (const node of nodes) await agent.create("/api/v1/nodes", node);
    await agent.restart();
    await vi.waitFor(() => expect(agent.hub.hellos.length).toBeGreaterThan(known), patience);
    expect(agent.hub.hellos.at(-1)).toMatchObject({
      provider: "aws",
      region: "eu-west-1",
      nodes: before + nodes.length,
    });
    for (const { metadata } of nodes) await agent.remove(`/api/v1/nodes/${metadata.name}`);
  });

  it.skipIf(!existsSync(corpus))("applies guestbook and sock-shop whole (needs ../shared/corpus)", async () => {
    const guestbook = await readManifests(join(corpus, "guestbook"));
    const shop = await readManifests(join(corpus, "sock-shop", "base"));
    const first = agent.hub.assign("guestbook", guestbook, { namespace: "guestbook", createNamespace: true });
    const second = agent.hub.assign("sock-shop", shop, { namespace: "sock-shop", createNamespace: true });
    await agent.untilApplied("guestbook", first.bundle);
    await agent.untilApplied("sock-shop", second.bundle);
    expect(agent.hub.report("guestbook")?.objects).toHaveLength(2);
    expect(agent.hub.report("sock-shop")?.objects).toHaveLength(29);
    expect(await agent.get("/apis/apps/v1/namespaces/sock-shop/deployments/front-end")).toBeDefined();
  });
}

describe("agent applies on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent applies on the real API server", () => {
  suite("real");
});
