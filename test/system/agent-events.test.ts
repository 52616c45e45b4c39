import type { KubeRequest } from "@drover/agent/kube/api";
import { systemClock } from "@drover/shared/clock";
import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, definition, deployment, deploymentPath, described, mapPath } from "./agent-objects.ts";
import { field, startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 30_000, interval: 10 } as const;
const namespaces = "/api/v1/namespaces";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const group = "events.drover.dev";

const namespace = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const custom = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind,
  metadata: { name, namespace: "default" },
  spec,
});
const customPath = (plural: string, name: string): string => `/apis/${group}/v1/namespaces/default/${plural}/${name}`;

/** A kind whose replicas stand at a path of their own. */
function scalable(kind: string, specReplicasPath: string): KubeObject {
  const made = definition(group, kind, "Namespaced");
  const spec = made["spec"] as JsonRecord;
  const scale = { specReplicasPath, statusReplicasPath: ".status.replicas" };
  const versions = (spec["versions"] as JsonRecord[]).map((version) => ({
    ...version,
    subresources: { status: {}, scale },
  }));
  return { ...made, spec: { ...spec, versions } };
}

function suite(server: Server): void {
  let agent: LoneAgent;
  // What controllers would do, the tests do: nobody else is in between.
  const { fresh, apply, reportOf, uidOf, untilData } = shareAgent(server, {
    prefix: "event",
    controllers: false,
    started: (running) => void (agent = running),
  });
  const patch = async (path: string, body: object): Promise<void> => {
    const contentType = "application/merge-patch+json";
    const answer = await agent.call({ method: "PATCH", path, body: JSON.stringify(body), contentType });
    expect(answer.kind).toBe("ok");
  };
  /** As the controller of namespaces ends the deletion of one whose content is gone. */
  const finishNamespace = async (name: string): Promise<void> => {
    const path = `${namespaces}/${name}`;
    const before = await uidOf(path);
    const body = JSON.stringify({ ...namespace(name), spec: { finalizers: [] } });
    // The agent itself never sends a PUT, so its client has no word for it.
    const request = { method: "PUT", path: `${path}/finalize`, body } as unknown as KubeRequest;
    expect(await agent.call(request)).toMatchObject({ kind: "ok" });
    await vi.waitFor(async () => expect(await uidOf(path)).not.toBe(before), patience);
  };

  it("case 39: what belongs into a namespace that is being deleted waits, and follows once it is there again", async () => {
    const app = fresh();
    await agent.create(namespaces, namespace(app));
    await apply(app, [configMap("first", { a: "1" }, app)]);
    await agent.remove(`${namespaces}/${app}`);
    agent.takeRequests();
    const objects = [configMap("first", { a: "1" }, app), configMap("second", { a: "1" }, app), configMap(app, {})];
    const { bundle } = agent.hub.assign(app, objects);
    await agent.untilReported(app, {
      phase: "applying",
      objects: [{ key: { name: "second" }, apply: "pending", reason: "NamespaceTerminating" }, {}, {}],
    });
    expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    // Six tries take eight seconds, and the next would follow after more than six.
    const tries: string[] = [];
    await vi.waitFor(() => {
      tries.push(...agent.takeRequests().filter((request) => /^PATCH .*second/u.test(request)));
      expect(tries.length).toBeGreaterThanOrEqual(6);
    }, patience);
    await agent.remove(mapPath("first", app));
    await finishNamespace(app);
    await agent.create(namespaces, namespace(app));
    await vi.waitFor(
      async () => {
        for (const name of ["first", "second"]) expect(await agent.get(mapPath(name, app))).toBeDefined();
      },
      { timeout: 5_000, interval: 10 },
    );
    await agent.untilApplied(app, bundle);
    expect(agent.hub.reports.filter((report) => report.application === app && report.phase === "failed")).toEqual([]);
  });

  it("case 39: an object of a namespace that is being deleted is not called healed by an apply that went through", async () => {
    const app = fresh();
    await apply(app, [namespace(app), configMap("inside", { a: "1" }, app)]);
    await agent.remove(`${namespaces}/${app}`);
    await agent.untilReported(app, { phase: "applying", reason: "Terminating" });
    const before = await uidOf(mapPath("inside", app));
    await agent.remove(mapPath("inside", app));
    await finishNamespace(app);
    await vi.waitFor(async () => {
      expect(await uidOf(`${namespaces}/${app}`)).toBeDefined();
      const uid = await uidOf(mapPath("inside", app));
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before);
    }, patience);
    await agent.untilReported(app, { phase: "applied", objects: [{ apply: "applied" }, { apply: "applied" }] });
  });

  it("case 39: a namespace that the agent makes is made anew once its deletion has ended, and filled", async () => {
    const app = fresh();
    const made = { namespace: app, createNamespace: true };
    const { bundle } = agent.hub.assign(app, [configMap("inside", { a: "1" }, app)], made);
    await agent.untilApplied(app, bundle);
    const before = await uidOf(`${namespaces}/${app}`);
    await agent.remove(`${namespaces}/${app}`);
    await agent.remove(mapPath("inside", app));
    await agent.untilReported(app, { phase: "applying", objects: [{ reason: "NamespaceTerminating" }] });
    await finishNamespace(app);
    await vi.waitFor(async () => expect(await agent.get(mapPath("inside", app))).toBeDefined(), patience);
    expect(await uidOf(`${namespaces}/${app}`)).not.toBe(before);
    await agent.untilApplied(app, bundle);
  });

  it("case 41: a definition that somebody deletes comes back, and then its objects, of whichever application", async () => {
    const [app, user] = [fresh(), fresh()];
    const kind = definition(group, "Shape", "Namespaced");
    const path = `${definitions}/shapes.${group}`;
    await apply(app, [kind, custom("Shape", "own", { size: 1 })]);
    await apply(user, [custom("Shape", "other", { size: 1 }), configMap(user, { a: "1" })]);
    const [first, ...rest] = await Promise.all(
      [path, ...["own", "other"].map((n) => customPath("shapes", n))].map(uidOf),
    );
    const { length } = agent.hub.reports;
    await agent.remove(path);
    await vi.waitFor(async () => {
      const now = await Promise.all([path, ...["own", "other"].map((name) => customPath("shapes", name))].map(uidOf));
      for (const [index, uid] of [first, ...rest].entries()) {
        expect(now[index]).toBeDefined();
        expect(now[index]).not.toBe(uid);
      }
    }, patience);
    const repaired = { apply: "applied", drift: { repaired: true } };
    await vi.waitFor(() => {
      expect(reportOf(app, "own")).toMatchObject(repaired);
      expect(reportOf(user, "other")).toMatchObject(repaired);
      expect([app, user].map((name) => agent.hub.report(name)?.phase)).toEqual(["applied", "applied"]);
    }, patience);
    const since = agent.hub.reports.slice(length);
    expect(since.filter(({ phase }) => phase === "failed")).toEqual([]);
  });

  it("case 41: objects whose definition nobody brings back say that they wait for it", async () => {
    const [app, user] = [fresh(), fresh()];
    const kind = definition(group, "Sign", "Namespaced");
    await agent.create(definitions, kind);
    await apply(user, [custom("Sign", app, { size: 1 }), configMap(user, { a: "1" })]);
    await agent.remove(`${definitions}/signs.${group}`);
    await agent.untilReported(user, {
      phase: "applying",
      objects: [{ key: { name: app }, apply: "pending", reason: "WaitingForKind", health: "NotFound" }, {}],
    });
    expect(reportOf(user, user)).toMatchObject({ apply: "applied" });
    await agent.create(definitions, kind);
    await vi.waitFor(async () => expect(await agent.get(customPath("signs", app))).toBeDefined(), patience);
    await agent.untilReported(user, { phase: "applied" });
  });

  it.each([
    ["Fleet", "fleets", "replicas"],
    ["Flock", "flocks", "size"],
  ] as const)(
    "case 26: kubectl scale of a %s, whose replicas its definition names, is undone",
    async (kind, plural, at) => {
      const app = fresh();
      await apply(app, [scalable(kind, `.spec.${at}`), custom(kind, app, { [at]: 2, color: "red" })]);
      const path = customPath(plural, app);
      agent.takeRequests();
      // What Git does not set is no drift, although its generation looks the same.
      await agent.edit(path, { spec: { theirs: 1 } });
      await patch(`${path}/scale?fieldManager=kubectl`, { spec: { replicas: 7 } });
      await vi.waitFor(async () => expect(field(await agent.get(path), "spec", at)).toBe(2), patience);
      expect(field(await agent.get(path), "spec", "theirs")).toBe(1);
      const drift = { paths: [`spec.${at}`], repaired: true };
      await vi.waitFor(() => expect(reportOf(app, app)).toMatchObject({ apply: "applied", drift }), patience);
      expect(writesOf(agent.takeRequests())).toHaveLength(1);
    },
  );

  it("case 61: thousands of changes of status by others cost no request", async () => {
    const app = fresh();
    const names = Array.from({ length: 4 }, (_, index) => `${app}-${index}`);
    await apply(app, [...names.map((name) => deployment(name, 1)), configMap(app, { a: "1" })]);
    const ready = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    const write = (name: string, round: number): Promise<void> => {
      const condition = { type: "Available", status: "True", reason: "Churn", message: `round ${round}` };
      return patch(`${deploymentPath(name)}/status`, { status: { ...ready, conditions: [condition] } });
    };
    await Promise.all(names.map((name) => write(name, 0)));
    await agent.untilReported(app, { phase: "applied", health: "Current" });
    agent.takeRequests();
    const churn = async (name: string): Promise<void> => {
      for (let round = 1; round <= 750; round += 1) await write(name, round);
    };
    await Promise.all(names.map(churn));
    const labels = { "drover.dev/application": "theirs" };
    for (const name of names) await agent.edit(deploymentPath(name), { metadata: { labels } });
    // The drifts that follow show that all of it was seen.
    await vi.waitFor(async () => {
      for (const name of names)
        expect(await agent.get(deploymentPath(name))).not.toMatchObject({ metadata: { labels } });
    }, patience);
    const isOther = (request: string): boolean => request.startsWith("WATCH ") || request.includes(`/${group}/`);
    const requests = agent.takeRequests().filter((request) => !isOther(request));
    expect(requests).toHaveLength(names.length);
    const repairs = names.map((name) => expect.stringContaining(`PATCH ${deploymentPath(name)}?`));
    expect(requests).toEqual(expect.arrayContaining(repairs));
  });

  it("case 63: a thousand drifts at once are repaired, and other applications do not wait for that", async () => {
    const [app, other] = [fresh(), fresh()];
    const names = Array.from({ length: 1_000 }, (_, index) => `${app}-${index}`);
    await apply(
      app,
      names.map((name) => configMap(name, { a: "1" })),
    );
    await apply(other, [configMap(other, { a: "1" })]);
    await agent.stop();
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(names.slice(from, from + 50).map((name) => agent.edit(mapPath(name), { data: { a: "2" } })));
    }
    const isRepair = (request: string): boolean => request.includes(`/configmaps/${app}-`);
    let changed = false;
    agent.beforeRequest(({ method, path }) => {
      if (changed || method !== "PATCH" || !isRepair(path)) return Promise.resolve();
      changed = true;
      agent.hub.assign(other, [configMap(other, { a: "2" })]);
      return Promise.resolve();
    });
    agent.takeAnswered();
    agent.start();
    const answered: string[] = [];
    await vi.waitFor(
      () => {
        answered.push(...agent.takeAnswered().filter((request) => request.startsWith("PATCH ")));
        expect(answered.filter(isRepair).length).toBeGreaterThanOrEqual(names.length);
      },
      { timeout: 60_000, interval: 50 },
    );
    agent.beforeRequest(() => Promise.resolve());
    for (const name of names) expect(await agent.get(mapPath(name))).toMatchObject({ data: { a: "1" } });
    await untilData(mapPath(other), { a: "2" });
    expect(answered.filter(isRepair)).toHaveLength(names.length);
    const place = answered.findIndex((request) => request.includes(`/configmaps/${other}?`));
    expect(answered.slice(place).filter(isRepair)).not.toEqual([]);
    expect(place).toBeGreaterThanOrEqual(0);
  });
}

const hourMs = 60 * 60_000;

/** The agent's time is another one than the cluster's. */
function skewed(server: Server, offMs: number): void {
  it(`case 70: an agent whose clock is off by ${offMs / hourMs} h applies, heals, judges and prunes as ever`, async () => {
    const clock = { now: () => systemClock.now() + offMs, sleep: systemClock.sleep };
    await using agent = await startLoneAgent(server, { controllers: false, clock, clientClock: clock });
    const app = "skewed";
    const kept = [configMap("kept", { a: "1" }), deployment("web", 1)];
    await agent.untilApplied(app, agent.hub.assign(app, [...kept, configMap("leaves", {})]).bundle);
    for (const value of ["2", "3"]) {
      await agent.edit(mapPath("kept"), { data: { a: value } });
      await vi.waitFor(
        async () => expect(field(await agent.get(mapPath("kept")), "data")).toEqual({ a: "1" }),
        patience,
      );
    }
    const before = field(await agent.get(deploymentPath("web")), "metadata", "uid");
    await agent.remove(deploymentPath("web"));
    await vi.waitFor(async () => {
      const uid = field(await agent.get(deploymentPath("web")), "metadata", "uid");
      expect(uid).toBeDefined();
      expect(uid).not.toBe(before);
    }, patience);
    const healthOfWeb = () => agent.hub.report(app)?.objects.find(({ key }) => key.name === "web")?.health;
    await vi.waitFor(() => expect(healthOfWeb()).toBe("Progressing"), patience);
    const ready = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    await agent.edit(`${deploymentPath("web")}/status`, { status: ready });
    await vi.waitFor(() => expect(healthOfWeb()).toBe("Current"), patience);
    await agent.untilApplied(app, agent.hub.assign(app, kept).bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath("leaves"))).toBeUndefined(), patience);
    // What a finalizer holds up is waited for, and gone when that is.
    const held = described(configMap("held", {}), { finalizers: ["test.drover.dev/hold"] });
    await agent.untilApplied(app, agent.hub.assign(app, [...kept, held]).bundle);
    const { bundle } = agent.hub.assign(app, kept);
    await vi.waitFor(() => expect(agent.hub.report(app)?.objects[0]).toMatchObject({ reason: "Deleting" }), patience);
    await agent.edit(mapPath("held"), { metadata: { finalizers: null } });
    await vi.waitFor(() => expect(agent.hub.report(app)?.objects).toHaveLength(2), patience);
    await agent.untilApplied(app, bundle);
    await agent.restart();
    await agent.edit(mapPath("kept"), { data: { a: "4" } });
    await vi.waitFor(async () => expect(field(await agent.get(mapPath("kept")), "data")).toEqual({ a: "1" }), patience);
    expect(agent.hub.reports.filter(({ phase }) => phase === "failed")).toEqual([]);
  });
}

describe("agent meets events of the embedded cluster", () => {
  suite("embedded");
  skewed("embedded", hourMs);
  skewed("embedded", -hourMs);
});
describeWithRig("kube-apiserver", "etcd")("agent meets events of the real API server", () => {
  suite("real");
  skewed("real", hourMs);
  skewed("real", -hourMs);
});
