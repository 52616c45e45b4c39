import { systemClock, type Clock } from "@drover/shared/clock";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import type { ApiCall } from "../rig/api-call.ts";
import { startApiFaultProxy, type ApiFaultProxy } from "../rig/api-fault-proxy.ts";
import { emptyList, faults } from "../rig/api-faults.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startFaultProxy, type FaultProxy } from "../rig/fault-proxy.ts";
import { configMap, deployment, deploymentPath, mapPath, secret, service } from "./agent-objects.ts";
import { field, startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 30_000, interval: 20 } as const;
const isMaps = (call: ApiCall): boolean => call.resource === "configmaps" && !call.path.includes("inventory");
const isLook = (call: ApiCall): boolean => call.kind === "list" || call.kind === "watch";

/** The API server's answers are a script. */
function scripted(server: Server): void {
  let agent: LoneAgent;
  let proxy: ApiFaultProxy;
  beforeAll(async () => {
    agent = await startLoneAgent(server, {
      between: async (target) => (proxy = await startApiFaultProxy({ target })),
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  let count = 0;
  const fresh = (): string => `app-${(count += 1)}`;
  const dataOf = async (name: string, namespace?: string) => field(await agent.get(mapPath(name, namespace)), "data");
  const uidOf = async (name: string) => field(await agent.get(mapPath(name)), "metadata", "uid");
  const untilRepaired = (name: string, data: object, namespace?: string) =>
    vi.waitFor(async () => expect(await dataOf(name, namespace)).toEqual(data), patience);

  it("begins a watch with what there is where the server can, and with a list where it cannot", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("begun", { a: "1" })]).bundle);
    await vi.waitFor(
      () => expect(proxy.calls((call) => isMaps(call) && call.kind === "watch")).not.toEqual([]),
      patience,
    );
    const lists = proxy.calls((call) => isMaps(call) && call.kind === "list");
    expect(lists).toHaveLength(server === "embedded" ? 0 : 1);
    const [first] = proxy.calls((call) => isMaps(call) && call.kind === "watch");
    expect(first?.path.includes("sendInitialEvents=true")).toBe(server === "embedded");
    agent.hub.bury(app);
  });

  it("case 57: finds by a new list what was deleted while the changes were forgotten, and touches nothing else", async () => {
    const app = fresh();
    const objects = [configMap("lost", { a: "1" }), configMap("stays", { a: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    const [lost, stays] = [await uidOf("lost"), await uidOf("stays")];
    const away = proxy.inject({ when: (call) => isMaps(call) && isLook(call), fault: faults["503 page"]() });
    proxy.endWatches(isMaps);
    await agent.remove(mapPath("lost"));
    await agent.restartServer();
    const before = proxy.calls().length;
    away.lift();
    await vi.waitFor(async () => expect(await uidOf("lost")).toBeDefined(), patience);
    expect(await uidOf("lost")).not.toBe(lost);
    expect(await uidOf("stays")).toBe(stays);
    const writes = proxy
      .calls()
      .slice(before)
      .filter((call) => call.kind === "apply" && isMaps(call));
    expect(writes.map(({ name }) => name)).toEqual(["lost"]);
    await agent.untilReported(app, { objects: [{ apply: "applied" }, { apply: "applied" }] });
    agent.hub.bury(app);
  });

  it("case 58: goes on from the last bookmark of an idle kind, without a new list", async () => {
    const app = fresh();
    proxy.shortenWatches(isMaps, 4);
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("idle", { a: "1" })]).bundle);
    proxy.endWatches(isMaps);
    const watches = () => proxy.calls((call) => isMaps(call) && call.kind === "watch");
    const open = watches().length;
    await vi.waitFor(() => expect(watches().length).toBeGreaterThan(open), patience);
    const lists = proxy.calls((call) => isMaps(call) && call.kind === "list").length;
    // Others change objects of the kind that are not ours: only bookmarks tell of the versions.
    const other = await agent.create("/api/v1/namespaces/default/configmaps", configMap("theirs", { a: "1" }));
    const version = Number(field(other, "metadata", "resourceVersion"));
    await vi.waitFor(() => {
      const newest = new URLSearchParams(watches().at(-1)?.path.split("?")[1]);
      expect(Number(newest.get("resourceVersion"))).toBeGreaterThanOrEqual(version);
    }, patience);
    expect(proxy.calls((call) => isMaps(call) && call.kind === "list")).toHaveLength(lists);
    agent.hub.bury(app);
  });

  it("case 67: sends nothing for as long as a 429 asks, and nobody is told of a failure", async () => {
    const app = fresh();
    const waitMs = 1_000;
    const reports = agent.hub.reports.length;
    let struckAt = 0;
    const early: string[] = [];
    const tooMany = proxy.inject({
      when: (call) => {
        const isFirst = struckAt === 0 && call.kind === "apply" && isMaps(call);
        if (isFirst) struckAt = systemClock.now();
        // What was on its way already could not know.
        else if (struckAt > 0 && systemClock.now() - struckAt > 100 && systemClock.now() - struckAt < waitMs)
          early.push(`${call.method} ${call.path}`);
        return isFirst;
      },
      fault: faults["429 in seconds"](),
    });
    const objects = Array.from({ length: 40 }, (_, index) => configMap(`many-${index}`, { a: "1" }));
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    expect(tooMany.struck).toBe(1);
    expect(systemClock.now() - struckAt).toBeGreaterThanOrEqual(waitMs);
    expect(early).toEqual([]);
    expect(agent.hub.reports.slice(reports).filter(({ phase }) => phase === "failed")).toEqual([]);
    tooMany.lift();
    agent.hub.bury(app);
  });

  it("case 60: a kind that cannot be listed is unknown, and stops no other", async () => {
    const app = fresh();
    const objects = [deployment("dark", 1), configMap("bright", { a: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    const uid = field(await agent.get(deploymentPath("dark")), "metadata", "uid");
    const isDeployments = (call: ApiCall): boolean => call.resource === "deployments" && isLook(call);
    const rule = proxy.inject({ when: isDeployments, fault: faults["500 with a status"]() });
    const health = () => agent.hub.report(app)?.objects.find(({ key }) => key.name === "dark")?.health;
    await vi.waitFor(() => {
      // The first watch of the kind may not have been answered yet when the fault begins.
      proxy.endWatches(isDeployments);
      expect(health()).toBe("Unknown");
    }, patience);
    await agent.edit(mapPath("bright"), { data: { a: "2" } });
    await untilRepaired("bright", { a: "1" });
    expect(field(await agent.get(deploymentPath("dark")), "metadata", "uid")).toBe(uid);
    expect(proxy.calls(({ kind, resource }) => kind === "delete" && resource === "deployments")).toEqual([]);
    rule.lift();
    await vi.waitFor(
      () => expect(agent.hub.report(app)?.objects.map(({ health }) => health)).not.toContain("Unknown"),
      { timeout: 60_000, interval: 50 },
    );
    expect(agent.hub.report(app)?.objects.filter(({ drift }) => drift?.by === "")).toEqual([]);
    agent.hub.bury(app);
  });

  it("case 68: a write whose answer was lost is repeated without a change, and followed from there", async () => {
    const app = fresh();
    const rule = proxy.inject({
      when: ({ kind, name }) => kind === "apply" && name === "committed",
      fault: faults["connection reset"](),
      times: 1,
    });
    const { bundle } = agent.hub.assign(app, [configMap("committed", { a: "1" })]);
    await vi.waitFor(() => expect(rule.struck).toBe(1), patience);
    const made = await vi.waitFor(async () => {
      const object = await agent.get(mapPath("committed"));
      expect(object).toBeDefined();
      return object;
    }, patience);
    await agent.untilApplied(app, bundle);
    expect(field(await agent.get(mapPath("committed")), "metadata", "resourceVersion")).toBe(
      field(made, "metadata", "resourceVersion"),
    );
    expect(agent.hub.report(app)?.objects[0]?.drift).toBeUndefined();
    await agent.edit(mapPath("committed"), { data: { a: "2" } });
    await untilRepaired("committed", { a: "1" });
    agent.hub.bury(app);
  });

  it("R29: an empty list with 200 is asked again before anything is believed", async () => {
    const app = fresh();
    const names = Array.from({ length: 20 }, (_, index) => `listed-${index}`);
    await agent.untilApplied(
      app,
      agent.hub.assign(
        app,
        names.map((name) => configMap(name, { a: "1" })),
      ).bundle,
    );
    // Its watch is open.
    await agent.edit(mapPath("listed-0"), { data: { a: "2" } });
    await untilRepaired("listed-0", { a: "1" });
    const isList = (call: ApiCall): boolean => isMaps(call) && call.kind === "list";
    const isWatch = (call: ApiCall): boolean => isMaps(call) && call.kind === "watch";
    // As a server that wants a list; then the history is gone, and the list is empty.
    const old = proxy.inject({
      when: (call) => isWatch(call) && call.path.includes("sendInitialEvents"),
      fault: faults["422 invalid"](),
    });
    const gone = proxy.inject({ when: isWatch, fault: faults["410 gone"](), times: 1 });
    const empty = proxy.inject({ when: isList, fault: emptyList });
    const before = proxy.calls().length;
    proxy.endWatches(isMaps);
    await vi.waitFor(() => expect(gone.struck).toBe(1), patience);
    const since = () => proxy.calls().slice(before);
    // The list, the list that is to confirm it, and one of the objects.
    await vi.waitFor(() => expect(empty.struck).toBeGreaterThanOrEqual(4), patience);
    expect(since().some(({ kind, name }) => kind === "get" && name.startsWith("listed-"))).toBe(true);
    const writes = since().filter(({ kind, name }) => kind !== "get" && name.startsWith("listed-"));
    expect(writes).toEqual([]);
    expect(agent.hub.report(app)?.objects.filter(({ drift }) => drift?.repaired === false)).toEqual([]);
    // The objects really go, and the list of them is still empty: now it is true. The one that is asked for goes last.
    for (const name of names.toReversed()) await agent.remove(mapPath(name));
    await vi.waitFor(async () => expect(await Promise.all(names.map(uidOf))).not.toContain(undefined), {
      timeout: 60_000,
      interval: 100,
    });
    empty.lift();
    old.lift();
    agent.hub.bury(app);
  });

  it("E57: watches namespace by namespace what it may not watch everywhere", async () => {
    const app = fresh();
    await agent.create("/api/v1/namespaces", { metadata: { name: "narrow" } });
    const isWide = (call: ApiCall): boolean => isMaps(call) && isLook(call) && call.namespace === "";
    const rule = proxy.inject({ when: isWide, fault: faults["403 forbidden"]() });
    proxy.endWatches(isMaps);
    const objects = [configMap("here", { a: "1" }), configMap("there", { a: "1" }, "narrow")];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    await vi.waitFor(() => expect(rule.struck).toBeGreaterThan(0), patience);
    await agent.edit(mapPath("here"), { data: { a: "2" } });
    await agent.edit(mapPath("there", "narrow"), { data: { a: "2" } });
    await untilRepaired("here", { a: "1" });
    await untilRepaired("there", { a: "1" }, "narrow");
    await agent.untilReported(app, { health: "Current", phase: "applied" });
    const wide = rule.struck;
    const path = (namespace: string) => (call: ApiCall) =>
      isMaps(call) && call.kind === "watch" && call.namespace === namespace;
    expect(proxy.calls(path("default")).length).toBeGreaterThan(0);
    expect(proxy.calls(path("narrow")).length).toBeGreaterThan(0);
    expect(wide).toBeLessThan(4);
    rule.lift();
    agent.hub.bury(app);
  });
}

/** A tenth of the time that the client of the API server waits for anything. */
const hasty: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
};

/** The wire between the agent and the API server is at fault. */
function wired(server: Server): void {
  let agent: LoneAgent;
  let wire: FaultProxy;
  beforeAll(async () => {
    agent = await startLoneAgent(server, {
      between: async (target) => {
        wire = await startFaultProxy({ target: { host: "127.0.0.1", port: Number(new URL(target.url).port) } });
        const { host, port } = wire;
        return {
          url: `https://${host}:${port}`,
          caPem: target.caPem,
          [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
        };
      },
      clientClock: hasty,
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  const objects = [
    configMap("map", { a: "1" }),
    secret("secret", { a: "1" }),
    service("service", 80),
    deployment("web", 1),
  ];
  const kinds = ["configmaps", "secrets", "services", "deployments"];
  const dataOf = async () => field(await agent.get(mapPath("map")), "data");

  it("case 59: after a restart of the server every kind is listed once at most, and nothing is written", async () => {
    await agent.untilApplied("app", agent.hub.assign("app", objects).bundle);
    // Every kind is watched once its objects' health is known.
    await agent.untilReported("app", { objects: kinds.map(() => ({ apply: "applied" })) });
    agent.takeRequests();
    agent.takeAnswered();
    await agent.restartServer();
    await agent.edit(mapPath("map"), { data: { a: "2" } });
    await vi.waitFor(async () => expect(await dataOf()).toEqual({ a: "1" }), patience);
    const requests = agent.takeRequests();
    const answered = agent.takeAnswered();
    for (const kind of kinds) {
      const lists = answered.filter((request) => request.startsWith("GET") && request.includes(`/${kind}?limit`));
      expect(lists).toEqual(lists.slice(0, 1));
    }
    expect(writesOf(requests).filter((request) => !request.includes("/map?"))).toEqual([]);
  });

  it("case 59: gives a half-open connection up within 30 s", async () => {
    await agent.untilApplied("app", agent.hub.assign("app", objects).bundle);
    const accepted = wire.accepted();
    const stalledAt = performance.now();
    wire.stall();
    await vi.waitFor(() => expect(wire.accepted()).toBeGreaterThan(accepted), { timeout: 15_000, interval: 20 });
    // A tenth of the time; and a second for a machine that does other things as well.
    expect(performance.now() - stalledAt).toBeLessThan(4_000);
    await agent.edit(mapPath("map"), { data: { a: "2" } });
    wire.resume();
    await vi.waitFor(async () => expect(await dataOf()).toEqual({ a: "1" }), patience);
  });

  it("heals what happened while the wire was cut", async () => {
    wire.cut();
    await agent.edit(mapPath("map"), { data: { a: "2" } });
    await agent.remove(deploymentPath("web"));
    wire.resume();
    await vi.waitFor(async () => {
      expect(await dataOf()).toEqual({ a: "1" });
      expect(await agent.get(deploymentPath("web"))).toBeDefined();
    }, patience);
  });
}

describe("agent watches the embedded cluster", () => {
  scripted("embedded");
  wired("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent watches the real API server", () => {
  scripted("real");
  wired("real");
});
