import type { KubeObject } from "@drover/shared/kube/manifest";
import type { Report } from "@drover/shared/link/link";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, mapPath, widget, widgets } from "./agent-objects.ts";
import { field, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;
const hold = "test.drover.dev/hold";
const label = "drover.dev/application";

function annotated(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function finalized(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, finalizers: [hold] } };
}

function maps(prefix: string, count: number): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => configMap(`${prefix}-${index}`, {}));
}

function namespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function nodePortService(name: string, nodePort: number): KubeObject {
  const ports = [{ name: "http", port: 80, protocol: "TCP", nodePort }];
  const spec = { type: "NodePort", selector: { app: name }, ports };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

const claim = (name: string): KubeObject => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace: "default" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
});
const claimPath = (name: string): string => `/api/v1/namespaces/default/persistentvolumeclaims/${name}`;
const definitionPath = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${widgets.metadata.name}`;
const widgetPath = (name: string): string => `/apis/test.drover.dev/v1/namespaces/default/widgets/${name}`;
const servicePath = (name: string): string => `/api/v1/namespaces/default/services/${name}`;

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, apply, uidOf } = shareAgent(server, { prefix: "app", started: (running) => void (agent = running) });
  const untilGone = async (path: string): Promise<void> => {
    await vi.waitFor(async () => expect(await agent.get(path)).toBeUndefined(), patience);
  };
  const untilReport = (app: string, test: (report: Report | undefined) => void) =>
    vi.waitFor(() => test(agent.hub.report(app)), patience);
  const deletions = (): readonly string[] => agent.takeRequests().filter((request) => request.startsWith("DELETE"));
  const unhold = async (path: string): Promise<void> => {
    await agent.edit(path, { metadata: { finalizers: null } });
  };
  const heldDigest = (app: string): string => agent.hub.report(app)?.heldPrune?.digest ?? "none";

  it("case 45: a deletion under a stale uid is refused by the server, and the new object is left and reported", async () => {
    const app = fresh();
    await apply(app, [configMap("stale", {}), configMap("stale-rest", {})]);
    const remade = { ...configMap("stale", { theirs: "1" }), metadata: { name: "stale", labels: { [label]: app } } };
    let raced = false;
    agent.beforeRequest(async ({ method, path }) => {
      if (method !== "DELETE" || raced || !path.includes("/configmaps/stale")) return;
      raced = true;
      await agent.remove(mapPath("stale"));
      await agent.create("/api/v1/namespaces/default/configmaps", remade);
    });
    agent.hub.assign(app, [configMap("stale-rest", {})]);
    const left = { apply: "abandoned", reason: "MadeAnew" };
    await agent.untilReported(app, { phase: "applied", objects: [left, { apply: "applied" }] });
    expect(raced).toBe(true);
    expect(field(await agent.get(mapPath("stale")), "data")).toEqual({ theirs: "1" });
    // It is nothing of the application's any more: the next bundle does not even mention it.
    await apply(app, [configMap("stale-rest", { b: "2" })]);
    expect(agent.hub.report(app)?.objects).toHaveLength(1);
  });

  it("case 53: an annotation that comes between the look and the deletion still keeps the object", async () => {
    const app = fresh();
    await apply(app, [configMap("late", {}), configMap("late-rest", {})]);
    let raced = false;
    agent.beforeRequest(async ({ method, path }) => {
      if (method !== "DELETE" || raced || !path.includes("/configmaps/late")) return;
      raced = true;
      await agent.edit(mapPath("late"), { metadata: { annotations: { "helm.sh/resource-policy": "keep" } } });
    });
    agent.hub.assign(app, [configMap("late-rest", {})]);
    await agent.untilReported(app, { objects: [{ apply: "abandoned", reason: "KeepAnnotation" }, {}] });
    expect(raced).toBe(true);
    expect(await agent.get(mapPath("late"))).toBeDefined();
  });

  it("case 53: E54: keeps and disowns what the desired or the live object says to keep", async () => {
    const app = fresh();
    const declared = annotated(configMap("declared", { a: "1" }), { "drover.dev/prune": "disabled" });
    await apply(app, [declared, configMap("lived", { a: "1" }), configMap("rest", {})]);
    await agent.edit(mapPath("lived"), {
      metadata: { annotations: { "argocd.argoproj.io/sync-options": "Prune=false" } },
    });
    agent.hub.assign(app, [configMap("rest", {})]);
    const kept = { apply: "abandoned", reason: "KeepAnnotation" };
    await agent.untilReported(app, { phase: "applied", objects: [kept, kept, { apply: "applied" }] });
    for (const name of ["declared", "lived"]) {
      const live = await agent.get(mapPath(name));
      expect(field(live, "data")).toEqual({ a: "1" });
      expect(field(live, "metadata", "labels", label)).toBeUndefined();
      expect(JSON.stringify(field(live, "metadata", "managedFields") ?? [])).not.toContain('"drover"');
    }
    agent.takeRequests();
    await apply(app, [configMap("rest", { b: "2" })]);
    expect(agent.hub.report(app)?.objects).toHaveLength(1);
    expect(agent.takeRequests().filter((request) => /declared|lived/u.test(request))).toEqual([]);
  });

  it("case 46: R2, E42: holds a large deletion until a person has confirmed exactly it", async () => {
    const app = fresh();
    const many = maps("bulk", 12);
    const rest = maps("bulk-rest", 8);
    await apply(app, [...many, ...rest]);
    agent.takeRequests();
    agent.hub.assign(app, rest);
    await untilReport(app, (report) => {
      expect(report).toMatchObject({ phase: "applied", heldPrune: { objects: 12, reason: "ManyLeave" } });
      expect(report?.objects.filter(({ apply }) => apply === "held")).toHaveLength(12);
    });
    const digest = heldDigest(app);
    // One more leaves: what was shown to the person is not what would be deleted.
    agent.hub.assign(app, rest.slice(1), { confirmPrune: digest });
    await untilReport(app, (report) => expect(report?.heldPrune?.objects).toBe(13));
    expect(heldDigest(app)).not.toBe(digest);
    expect(deletions()).toEqual([]);
    agent.hub.assign(app, rest.slice(1), { confirmPrune: heldDigest(app) });
    await untilReport(app, (report) => expect(report?.objects).toHaveLength(7));
    expect(agent.hub.report(app)?.heldPrune).toBeUndefined();
    expect(deletions()).toHaveLength(13);
  });

  it("case 46: R2, E42: an empty bundle deletes nothing unasked, also after the agent has lost its disk", async () => {
    const app = fresh();
    await apply(app, maps("all", 2));
    agent.hub.assign(app, []);
    await agent.untilReported(app, { heldPrune: { objects: 2, reason: "EverythingLeaves" } });
    const digest = heldDigest(app);
    await agent.restart({ loseDisk: true });
    await agent.untilReported(app, { heldPrune: { objects: 2, digest } });
    agent.hub.assign(app, [], { confirmPrune: digest });
    await untilReport(app, (report) => expect(report).toMatchObject({ phase: "applied", objects: [] }));
    expect(await agent.get(mapPath("all-0"))).toBeUndefined();
  });

  it("case 46: E42: R30: holds a claim and a namespace that left, and prunes what left with them", async () => {
    const app = fresh();
    await apply(app, [claim("data"), namespace("guarded"), configMap("loose", {}), configMap("steady", {})]);
    agent.hub.assign(app, [configMap("steady", {})]);
    await untilGone(mapPath("loose"));
    await agent.untilReported(app, { phase: "applied", heldPrune: { objects: 2, reason: "KindIsGuarded" } });
    expect(field(await agent.get(claimPath("data")), "metadata", "deletionTimestamp")).toBeUndefined();
    agent.hub.assign(app, [configMap("steady", {})], { confirmPrune: heldDigest(app) });
    await vi.waitFor(async () => {
      const live = await agent.get(claimPath("data"));
      expect(live === undefined || field(live, "metadata", "deletionTimestamp") !== undefined).toBe(true);
    }, patience);
  });

  it("a confirmed deletion goes on after the agent was killed in the middle", async () => {
    const app = fresh();
    const slow = maps("half", 12).map(finalized);
    await apply(app, [...slow, configMap("half-rest", {})]);
    agent.hub.assign(app, [configMap("half-rest", {})]);
    await agent.untilReported(app, { heldPrune: { objects: 12 } });
    agent.hub.assign(app, [configMap("half-rest", {})], { confirmPrune: heldDigest(app) });
    await untilReport(app, (report) => {
      expect(report?.objects.filter(({ reason }) => reason === "Deleting")).toHaveLength(12);
    });
    await unhold(mapPath("half-0"));
    await untilReport(app, (report) => expect(report?.objects).toHaveLength(12));
    await agent.restart({ loseDisk: true });
    for (let index = 1; index < 12; index += 1) await unhold(mapPath(`half-${index}`));
    await untilReport(app, (report) => expect(report).toMatchObject({ phase: "applied", objects: [{}] }));
  });

  it("R30, E18: keeps a definition that objects of others use, and deletes it with them when that is confirmed", async () => {
    const app = fresh();
    await apply(app, [widgets, widget("own", "default"), configMap("crd-rest", {})]);
    await agent.create("/apis/test.drover.dev/v1/namespaces/default/widgets", widget("foreign", "default"));
    agent.hub.assign(app, [configMap("crd-rest", {})]);
    await untilGone(widgetPath("own"));
    const heldUp = { objects: 1, reason: "DefinitionInUse" };
    await agent.untilReported(app, { phase: "applied", heldPrune: heldUp });
    expect(agent.hub.report(app)?.objects[0]?.message).toContain("every Widget");
    // Not even the removal of the application takes it along.
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removing", heldPrune: heldUp });
    expect(await agent.get(widgetPath("foreign"))).toBeDefined();
    agent.hub.bury(app, { confirmPrune: heldDigest(app) });
    await agent.untilReported(app, { phase: "removed" });
    await untilGone(definitionPath);
  });

  it("R30, E54: deletes custom resources before their definition, and what they may need after them", async () => {
    const app = fresh();
    await apply(app, [widgets, finalized(widget("last", "default")), deployment("operator", 1)]);
    agent.takeRequests();
    agent.hub.bury(app);
    await untilReport(app, (report) => {
      expect(report).toMatchObject({ phase: "removing", reason: "Deleting" });
      const reasons = report?.objects.map(({ key, reason }) => `${key.kind} ${reason}`);
      expect(reasons).toContain("Deployment WaitingForOthers");
      expect(reasons).toContain("CustomResourceDefinition WaitingForOthers");
      // Exactly what blocks it, by name.
      expect(report?.message).toContain(`Widget default/last: it is being deleted since `);
      expect(report?.message).toContain(hold);
    });
    await unhold(widgetPath("last"));
    await agent.untilReported(app, { phase: "removed" });
    const order = deletions().map((request) => /(?<kind>widgets|deployments|customresource)/u.exec(request)?.[0]);
    expect(order.filter((kind) => kind !== undefined)).toEqual(["widgets", "deployments", "customresource"]);
  });

  it("case 47: R30, E51: names the finalizer that holds a deletion, and goes on with the rest", async () => {
    const app = fresh();
    await apply(app, [finalized(configMap("stuck", {})), configMap("loose-2", {}), configMap("stuck-rest", {})]);
    agent.hub.assign(app, [configMap("stuck-rest", {})]);
    await untilGone(mapPath("loose-2"));
    const blocked = { apply: "pruning", reason: "Deleting", message: expect.stringContaining(hold) };
    await agent.untilReported(app, { phase: "applying", objects: [blocked, { apply: "applied" }] });
    // Other work goes on.
    const { bundle } = agent.hub.assign(app, [configMap("stuck-rest", { a: "2" })]);
    await agent.untilReported(app, { applied: bundle });
    expect(field(await agent.get(mapPath("stuck")), "metadata", "finalizers")).toEqual([hold]);
    await unhold(mapPath("stuck"));
    await agent.untilApplied(app, bundle);
    await untilReport(app, (report) => expect(report?.objects).toHaveLength(1));
  });

  it("case 48: waits for the end of a deletion by watching, not by asking", async () => {
    const app = fresh();
    await apply(app, [finalized(configMap("watched", {})), configMap("watched-rest", {})]);
    agent.hub.assign(app, [configMap("watched-rest", {})]);
    await agent.untilReported(app, { objects: [{ reason: "Deleting" }, {}] });
    agent.takeRequests();
    await unhold(mapPath("watched"));
    await untilReport(app, (report) => expect(report?.objects).toHaveLength(1));
    const asked = agent.takeRequests().filter((request) => request.endsWith("/configmaps/watched"));
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it("case 49: an object whose kind is gone from the server is gone", async () => {
    const app = fresh();
    await apply(app, [configMap("kindless-rest", {}), widgets]);
    const user = fresh();
    await apply(user, [widget("kindless", "default"), configMap("kindless-other", {})]);
    await agent.stop();
    await agent.remove(definitionPath);
    await untilGone(definitionPath);
    agent.hub.forget(app);
    agent.hub.assign(user, [configMap("kindless-other", {})]);
    agent.start();
    await untilReport(user, (report) => {
      expect(report).toMatchObject({ phase: "applied", objects: [{ apply: "applied" }] });
    });
  });

  it("case 50: prunes what left although another object of the bundle cannot be applied", async () => {
    const app = fresh();
    const bad = { ...configMap("third", {}), data: { "not a key": "1" } };
    const rest = [bad, configMap("fourth", {}), configMap("fifth", {})];
    agent.hub.assign(app, [configMap("first", {}), configMap("second", {}), ...rest]);
    await agent.untilReported(app, { phase: "failed", reason: "Invalid" });
    agent.hub.assign(app, rest);
    await untilGone(mapPath("first"));
    await untilGone(mapPath("second"));
    expect(await agent.get(mapPath("fourth"))).toBeDefined();
  });

  it("keeps what the running version of an object needs whose new version was refused", async () => {
    const app = fresh();
    const using = (config: string, replicas: unknown) => {
      const object = deployment("user", 1);
      const env = [{ name: "A", valueFrom: { configMapKeyRef: { name: config, key: "a" } } }];
      const containers = [{ name: "web", image: "nginx:1", env }];
      const spec = { ...(object["spec"] as object), replicas };
      return {
        ...object,
        spec: { ...spec, template: { metadata: { labels: { app: "user" } }, spec: { containers } } },
      };
    };
    await apply(app, [configMap("config-1", { a: "1" }), configMap("unrelated", {}), using("config-1", 1)]);
    agent.hub.assign(app, [configMap("config-2", { a: "2" }), using("config-2", -1)]);
    await untilGone(mapPath("unrelated"));
    const needed = { key: { name: "config-1" }, apply: "pruning", reason: "WaitingForOthers" };
    await untilReport(app, (report) => {
      expect(report?.objects).toEqual(
        expect.arrayContaining([expect.objectContaining({ ...needed, key: expect.objectContaining(needed.key) })]),
      );
    });
    expect(await agent.get(mapPath("config-1"))).toBeDefined();
    await apply(app, [configMap("config-2", { a: "2" }), using("config-2", 1)]);
    await untilGone(mapPath("config-1"));
  });

  it("case 54: creates before it deletes, except for the holder of a port that the new object needs", async () => {
    const app = fresh();
    await apply(app, [nodePortService("old-door", 30_123), configMap("door-rest", {})]);
    agent.takeRequests();
    await apply(app, [nodePortService("new-door", 30_124), configMap("door-rest", {})]);
    await untilGone(servicePath("old-door"));
    const writes = agent.takeRequests().filter((request) => /^(?:PATCH|DELETE) .*door/u.test(request));
    expect(writes.map((request) => request.split(" ")[0])).toEqual(["PATCH", "DELETE"]);
    agent.hub.assign(app, [nodePortService("next-door", 30_124), configMap("door-rest", {})]);
    await untilGone(servicePath("new-door"));
    await vi.waitFor(async () => {
      const ports = field(await agent.get(servicePath("next-door")), "spec", "ports");
      expect(ports).toMatchObject([{ nodePort: 30_124 }]);
    }, patience);
  });

  it("E82: detaches an application: nothing is deleted, and nothing is marked any more", async () => {
    const app = fresh();
    await apply(app, [configMap("free", { a: "1" }), deployment("free", 1)]);
    const before = await uidOf(mapPath("free"));
    agent.takeRequests();
    agent.hub.bury(app, { detach: true });
    await agent.untilReported(app, { phase: "removed" });
    expect(deletions()).toEqual([expect.stringContaining(`drover-inventory-${app}`)]);
    const live = await agent.get(mapPath("free"));
    expect(field(live, "metadata", "uid")).toBe(before);
    expect(field(live, "metadata", "labels", label)).toBeUndefined();
    expect(JSON.stringify(field(live, "metadata", "managedFields") ?? [])).not.toContain('"drover"');
    expect(field(live, "data")).toEqual({ a: "1" });
  });

  it("removes an application without its claims until their deletion is confirmed", async () => {
    const app = fresh();
    await apply(app, [claim("precious"), configMap("cheap", {})]);
    agent.hub.bury(app);
    await untilGone(mapPath("cheap"));
    await agent.untilReported(app, { phase: "removing", heldPrune: { objects: 1, reason: "KindIsGuarded" } });
    expect(await agent.get(claimPath("precious"))).toBeDefined();
    agent.hub.bury(app, { confirmPrune: heldDigest(app) });
    await vi.waitFor(async () => {
      const live = await agent.get(claimPath("precious"));
      expect(live === undefined || field(live, "metadata", "deletionTimestamp") !== undefined).toBe(true);
    }, patience);
  });

  it("E50: deletes its own namespace only when nothing of others is in it", async () => {
    const [full, empty] = [fresh(), fresh()];
    await apply(full, [namespace("full"), configMap("inside", {}, "full")]);
    await apply(empty, [namespace("empty"), configMap("inside", {}, "empty")]);
    await agent.create("/api/v1/namespaces/full/configmaps", configMap("foreign", {}, "full"));
    agent.hub.bury(full);
    agent.hub.bury(empty);
    await agent.untilReported(full, { phase: "removed" });
    const kept = await agent.get("/api/v1/namespaces/full");
    expect(field(kept, "metadata", "deletionTimestamp")).toBeUndefined();
    expect(field(kept, "metadata", "labels", label)).toBeUndefined();
    expect(await agent.get(mapPath("inside", "full"))).toBeUndefined();
    await vi.waitFor(async () => {
      const live = await agent.get("/api/v1/namespaces/empty");
      expect(live === undefined || field(live, "metadata", "deletionTimestamp") !== undefined).toBe(true);
    }, patience);
  });

  it("case 40: an object that is being deleted by somebody is reported so, and made anew after its end", async () => {
    const app = fresh();
    await apply(app, [finalized(configMap("dying", { a: "1" }))]);
    const before = await uidOf(mapPath("dying"));
    await agent.remove(mapPath("dying"));
    await agent.untilReported(app, { reason: "Terminating", objects: [{ health: "Terminating", apply: "pending" }] });
    await unhold(mapPath("dying"));
    await vi.waitFor(async () => {
      const uid = await uidOf(mapPath("dying"));
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before);
    }, patience);
    await agent.untilReported(app, { phase: "applied", objects: [{ health: "Current" }] });
  });
}

describe("agent prunes on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent prunes on the real API server", () => {
  suite("real");
});
