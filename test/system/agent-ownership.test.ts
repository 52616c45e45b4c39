import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, deploymentPath, mapPath } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;
const maps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh } = shareAgent(server, { prefix: "own", started: (running) => void (agent = running) });

  /** Applies as another tool would. */
  const applyAs = async (manager: string, path: string, object: KubeObject): Promise<JsonRecord> => {
    const answer = await agent.call({
      method: "PATCH",
      path: `${path}?fieldManager=${manager}&force=true`,
      contentType: "application/apply-patch+yaml",
      body: JSON.stringify(object),
    });
    if (answer.kind === "refused") throw new Error(answer.refusal.message);
    return answer.body as JsonRecord;
  };
  const managersOf = (object: JsonRecord | undefined): readonly string[] =>
    (field(object, "metadata", "managedFields") as { manager: string; operation: string }[]).map(
      ({ manager, operation }) => `${manager}/${operation}`,
    );
  const requestsFor = (name: string): readonly string[] =>
    agent.takeRequests().filter((request) => request.includes(`/${name}`));
  const untilRefused = (app: string, message: unknown): Promise<void> =>
    agent.untilReported(app, { objects: [{ apply: "failed", reason: "Conflict", message }] });

  it("marks objects with an owner id that is the same after agent and disk were lost, and differs by application", async () => {
    const [one, two] = [fresh(), fresh()];
    await agent.untilApplied(one, agent.hub.assign(one, [configMap(one, {})]).bundle);
    await agent.untilApplied(two, agent.hub.assign(two, [configMap(two, {})]).bundle);
    const idOf = async (name: string) =>
      field(await agent.get(mapPath(name)), "metadata", "labels", "drover.dev/owner");
    const id = await idOf(one);
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/u);
    expect(await idOf(two)).not.toBe(id);
    await agent.restart({ loseDisk: true });
    const { bundle } = agent.hub.assign(one, [configMap(one, { a: "1" })]);
    await agent.untilApplied(one, bundle);
    expect(await idOf(one)).toBe(id);
  });

  it("makes new objects with one request each: applied with an impossible resourceVersion, an object is made or left alone", async () => {
    const app = fresh();
    agent.takeRequests();
    const objects = Array.from({ length: 20 }, (_, index) => configMap(`${app}-${index}`, {}));
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    const requests = requestsFor(`${app}-`).filter((request) => !request.includes("drover-system"));
    expect(requests).toHaveLength(objects.length);
    const patches = objects.map(({ metadata }) => expect.stringContaining(`PATCH ${mapPath(metadata.name)}?`));
    expect(requests).toEqual(expect.arrayContaining(patches));
  });

  it("R17, E45: by default adopts what nothing would change of, and overwrites nothing else", async () => {
    const app = fresh();
    await agent.create(maps, configMap(`${app}-equal`, { a: "1", theirs: "1" }));
    await agent.create(maps, configMap(`${app}-other`, { a: "0" }));
    agent.hub.assign(app, [configMap(`${app}-equal`, { a: "1", b: "2" }), configMap(`${app}-other`, { a: "1" })]);
    const refused = { key: { name: `${app}-other` }, apply: "failed", reason: "Conflict" };
    await agent.untilReported(app, { objects: [refused, { apply: "applied" }] });
    expect(agent.hub.report(app)?.objects[0]?.message).toBe(
      'it exists already, written by "kubectl", and differs in data[a]; set sync.adopt: always to take it over',
    );
    const [equal, other] = await Promise.all([agent.get(mapPath(`${app}-equal`)), agent.get(mapPath(`${app}-other`))]);
    expect(field(equal, "data")).toEqual({ a: "1", b: "2", theirs: "1" });
    expect(field(equal, "metadata", "labels")).toMatchObject({ "drover.dev/application": app });
    expect(field(other, "data")).toEqual({ a: "0" });
    expect(managersOf(other)).toEqual(["kubectl/Update"]);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(mapPath(`${app}-equal`))).toBeUndefined();
    expect(await agent.get(mapPath(`${app}-other`))).toBeDefined();
  });

  it("E45: adopts nothing with never, and goes on as soon as the object is out of the way", async () => {
    const app = fresh();
    await agent.create(maps, configMap(app, { a: "1" }));
    const objects = [configMap(app, { a: "1" })];
    agent.hub.assign(app, objects, { sync: { adopt: "never" } });
    await untilRefused(app, expect.stringContaining('it exists already, written by "kubectl"; set sync.adopt'));
    await agent.remove(mapPath(app));
    const { bundle } = agent.hub.assign(app, objects, { sync: { adopt: "never" }, syncRequest: 1 });
    await agent.untilApplied(app, bundle);
  });

  it("case 19: R17, E45: takes everything with always, and reports which fields it took from whom", async () => {
    const app = fresh();
    await applyAs("somebody", mapPath(app), configMap(app, { a: "0", b: "2" }));
    const { bundle } = agent.hub.assign(app, [configMap(app, { a: "1", b: "2" })], { sync: { adopt: "always" } });
    await agent.untilApplied(app, bundle);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1", b: "2" });
    await agent.untilReported(app, { objects: [{ drift: { paths: ["data[a]"], by: "somebody", repaired: true } }] });
  });

  it("E45: adopts namespaces by the same rule, and never deletes those that were there", async () => {
    const app = fresh();
    const namespace = (labels: Readonly<Record<string, string>>): KubeObject => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: app, labels },
    });
    await agent.create("/api/v1/namespaces", namespace({ team: "theirs" }));
    agent.hub.assign(app, [namespace({ team: "ours" })]);
    await untilRefused(app, expect.stringContaining("differs in metadata.labels[team]"));
    await agent.untilApplied(app, agent.hub.assign(app, [namespace({ tier: "web" })]).bundle);
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(`/api/v1/namespaces/${app}`)).toBeDefined();
  });

  it("R17: refuses an object of another agent's application, named by its owner id, and a restored copy of its own", async () => {
    const app = fresh();
    const owner = "0b7ab1f6-9d8d-8c3e-9a10-3f5b7c2d4e61";
    for (const application of [app, "elsewhere"]) {
      const labels = { "drover.dev/application": application, "drover.dev/owner": owner };
      await agent.create(maps, {
        ...configMap(`${app}-${application}`, {}),
        metadata: { name: `${app}-${application}`, labels },
      });
    }
    const objects = [configMap(`${app}-${app}`, {}), configMap(`${app}-elsewhere`, {})];
    agent.hub.assign(app, objects);
    const refused = {
      apply: "failed",
      reason: "Conflict",
      message: expect.stringContaining(`(owner ${owner}) has it`),
    };
    await agent.untilReported(app, { objects: [refused, refused] });
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(mapPath(`${app}-${app}`))).toBeDefined();
    const again = fresh();
    await agent.untilApplied(again, agent.hub.assign(again, objects, { sync: { adopt: "always" } }).bundle);
  });

  it("writes an object of an agent from before there were owner ids once, and prunes it as its own", async () => {
    const app = fresh();
    const objects = [configMap(`${app}-a`, {}), configMap(`${app}-b`, {})];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    await agent.stop();
    for (const { metadata } of objects) {
      await agent.edit(mapPath(metadata.name), { metadata: { labels: { "drover.dev/owner": null } } });
    }
    agent.takeRequests();
    const { bundle } = agent.hub.assign(app, objects.slice(0, 1));
    await agent.restart({ loseDisk: true });
    await agent.untilApplied(app, bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath(`${app}-b`))).toBeUndefined(), patience);
    expect(writesOf(requestsFor(`${app}-a`))).toEqual([expect.stringContaining("PATCH")]);
    expect(field(await agent.get(mapPath(`${app}-a`)), "metadata", "labels", "drover.dev/owner")).toBeDefined();
  });

  it("R17: does not overwrite what somebody makes at the same moment", async () => {
    const app = fresh();
    const names = Array.from({ length: 30 }, (_, index) => `${app}-${index}`);
    agent.hub.assign(
      app,
      names.map((name) => configMap(name, { who: "git" })),
    );
    const made = await Promise.allSettled(
      names.toReversed().map((name) => agent.create(maps, configMap(name, { who: "theirs" }))),
    );
    const theirs = names.toReversed().filter((_, index) => made[index]?.status === "fulfilled");
    await vi.waitFor(() => {
      const report = agent.hub.report(app);
      expect(report?.objects.filter(({ reason }) => reason === "Conflict")).toHaveLength(theirs.length);
      expect(report?.objects.filter(({ apply }) => apply === "applied")).toHaveLength(names.length - theirs.length);
    }, patience);
    for (const name of theirs) expect(field(await agent.get(mapPath(name)), "data")).toEqual({ who: "theirs" });
  });

  it.each(["kubectl-client-side-apply", "argocd-application-controller", "helm"])(
    "case 20: a field that leaves Git goes although %s had applied it",
    async (manager) => {
      const app = fresh();
      const old = configMap(app, { a: "1", dropped: "1" });
      const annotations = manager.startsWith("kubectl") ? { [lastApplied]: JSON.stringify(old) } : {};
      await agent.create(`${maps}?fieldManager=${manager}`, { ...old, metadata: { name: app, annotations } });
      await agent.edit(mapPath(app), { data: { edited: "by hand" } });
      agent.takeRequests();
      await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })]).bundle);
      const live = await agent.get(mapPath(app));
      expect(field(live, "data")).toEqual({ a: "1", edited: "by hand" });
      expect(field(live, "metadata", "annotations")).toBeUndefined();
      expect(managersOf(live).toSorted()).toEqual(["drover/Apply", "kubectl-edit/Update"]);
      // Refused as not absent, looked at, migrated, applied.
      expect(requestsFor(app).filter((request) => !request.includes("drover-system"))).toHaveLength(4);
    },
  );

  it("case 20: takes a deployment over from kustomize-controller without touching what a person set", async () => {
    const app = fresh();
    await applyAs("kustomize-controller", deploymentPath(app), deployment(app, 2));
    await agent.edit(deploymentPath(app), { spec: { template: { metadata: { annotations: { restarted: "now" } } } } });
    const git = deployment(app, 2);
    await agent.untilApplied(app, agent.hub.assign(app, [git]).bundle);
    const live = await agent.get(deploymentPath(app));
    expect(field(live, "spec", "template", "metadata", "annotations")).toEqual({ restarted: "now" });
    expect(managersOf(live)).toContain("drover/Apply");
    expect(managersOf(live)).not.toContain("kustomize-controller/Apply");
  });

  it("case 22: a stripped object is repaired, and a field that leaves Git afterwards goes", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1", b: "2" })]).bundle);
    await agent.edit(mapPath(app), { data: { a: "0", theirs: "1" }, metadata: { managedFields: [{}] } });
    await vi.waitFor(
      async () => expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1", b: "2", theirs: "1" }),
      patience,
    );
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })]).bundle);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1", theirs: "1" });
  });

  it("case 62: an object that somebody deleted and made anew with other content is repaired", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [configMap(app, { a: "1" }), deployment(app, 1)]);
    await agent.untilApplied(app, bundle);
    await agent.stop();
    await agent.remove(mapPath(app));
    await agent.create(maps, {
      ...configMap(app, { a: "0" }),
      metadata: { name: app, labels: field(await agent.get(deploymentPath(app)), "metadata", "labels") },
    });
    await agent.remove(deploymentPath(app));
    await vi.waitFor(async () => expect(await agent.get(deploymentPath(app))).toBeUndefined(), patience);
    await agent.create(deployments, deployment(app, 5));
    agent.start();
    await vi.waitFor(async () => {
      expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1" });
      expect(field(await agent.get(deploymentPath(app)), "spec", "replicas")).toBe(1);
    }, patience);
    await agent.untilReported(app, { phase: "applied" });
  });

  it("case 62: new content of an object that is gone makes it anew", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })]).bundle);
    await agent.stop();
    const uid = field(await agent.get(mapPath(app)), "metadata", "uid");
    await agent.remove(mapPath(app));
    const { bundle } = agent.hub.assign(app, [configMap(app, { a: "2" })]);
    agent.start();
    await agent.untilApplied(app, bundle);
    const live = await agent.get(mapPath(app));
    expect(field(live, "metadata", "uid")).not.toBe(uid);
  });
}

describe("agent owns objects on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent owns objects on the real API server", () => {
  suite("real");
});
