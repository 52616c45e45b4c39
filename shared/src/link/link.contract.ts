import { describe, expect, it } from "vitest";

import { describeBlobs, describeSlowReaders } from "./flow.contract.ts";
import { type HubMessage, maxHubMessageBytes } from "./link.ts";
import { AgentRecorder, HubRecorder } from "./recorders.contract.ts";
import {
  assignments,
  connectPair,
  type CreateWorld,
  generationOf,
  patience,
  plain,
  report,
  silencePatience,
} from "./world.contract.ts";

/** What hub and agents rely on, whatever carries their messages. A world must notice a silent end within 6 s. */
export function describeLink(name: string, createWorld: CreateWorld): void {
  describe(`link over ${name}`, () => {
    describeMessages(createWorld);
    describeConnections(createWorld);
    describeIdentities(createWorld);
    describeSlowReaders(createWorld);
    describeBlobs(createWorld);
  });
}

function describeMessages(createWorld: CreateWorld): void {
  it("names the cluster by its certificate and passes on its hello", async () => {
    await using pair = await connectPair(createWorld);
    expect(pair.hub.events).toEqual([{ kind: "connected", cluster: "dev-1", hello: pair.agent.hello() }]);
  });

  it("carries every kind of message whole, in both directions", async () => {
    await using pair = await connectPair(createWorld);
    const { hub, agent, hubEnd, agentEnd } = pair;
    const inspect: HubMessage = { kind: "inspect", inspect: { id: "q1", application: "web", what: "diff" } };
    expect(hubEnd.link.send("dev-1", assignments(1))).toBe(true);
    expect(hubEnd.link.send("dev-1", inspect)).toBe(true);
    await expect.poll(() => agent.messages.map(plain), patience).toEqual([plain(assignments(1)), inspect]);

    const refusal = { code: "signature_invalid", message: "no" };
    const acknowledgement = { epoch: "e1", generation: 1, refusal };
    const inspection = { id: "q1", error: { code: "not_found", message: "no such application" } };
    agentEnd.link.send({ kind: "acknowledgement", acknowledgement });
    agentEnd.link.send({ kind: "report", report: report("web", 1) });
    agentEnd.link.send({ kind: "inspection", inspection });
    await expect
      .poll(() => hub.events.slice(1), patience)
      .toEqual([
        { kind: "acknowledged", cluster: "dev-1", acknowledgement },
        { kind: "reported", cluster: "dev-1", report: report("web", 1) },
        { kind: "inspected", cluster: "dev-1", inspection },
      ]);
  });

  it("takes a hello on an open connection as news of the cluster, and the connection as the same one", async () => {
    await using pair = await connectPair(createWorld);
    const { hub, agent, hubEnd, agentEnd } = pair;
    const first = agent.hello();
    agent.nodes = 5;
    agentEnd.link.send({ kind: "hello", hello: agent.hello() });
    agentEnd.link.send({ kind: "report", report: report("web", 1) });
    await expect.poll(() => hub.of("reported").length, patience).toBe(1);
    expect(hub.events.slice(0, 2)).toEqual([
      { kind: "connected", cluster: "dev-1", hello: first },
      { kind: "introduced", cluster: "dev-1", hello: { ...first, nodes: 5 } },
    ]);
    expect(hubEnd.link.send("dev-1", assignments(1))).toBe(true);
    await expect.poll(() => agent.messages.map(plain), patience).toEqual([plain(assignments(1))]);
    expect(agent).toMatchObject({ connections: 1, ends: [] });
    expect(hub.of("disconnected")).toEqual([]);
  });

  it("lets nobody send to a cluster that is not connected", async () => {
    await using pair = await connectPair(createWorld);
    expect(pair.hubEnd.link.send("prod-1", assignments(1))).toBe(false);
  });

  it("delivers what the hub sends from within connected", async () => {
    await using world = await createWorld();
    const hub = new HubRecorder();
    const agent = new AgentRecorder();
    const { link } = await world.startHub(hub);
    const record = hub.connected.bind(hub);
    hub.connected = (cluster, hello) => {
      link.send(cluster, assignments(7));
      return record(cluster, hello);
    };
    await world.startAgent("dev-1", agent);
    await expect.poll(() => agent.messages.map(plain), patience).toEqual([plain(assignments(7))]);
  });

  it("R4: keeps the order of reports, and each application's last", async () => {
    await using pair = await connectPair(createWorld);
    for (let sequence = 1; sequence <= 200; sequence += 1) {
      pair.agentEnd.link.send({ kind: "report", report: report(`app-${sequence % 3}`, sequence) });
    }
    const sequences = (): number[] => pair.hub.of("reported").map((event) => event.report.sequence);
    await expect
      .poll(
        () =>
          sequences()
            .slice(-3)
            .toSorted((a, b) => a - b),
        patience,
      )
      .toEqual([198, 199, 200]);
    for (const application of ["app-0", "app-1", "app-2"]) {
      const own = pair.hub.of("reported").filter((event) => event.report.application === application);
      const seen = own.map((event) => event.report.sequence);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    }
  });

  it("delivers equal assignments again, because an agent may have lost the first", async () => {
    await using pair = await connectPair(createWorld);
    pair.hubEnd.link.send("dev-1", assignments(1));
    await expect.poll(() => pair.agent.messages.length, patience).toBe(1);
    pair.hubEnd.link.send("dev-1", assignments(1));
    await expect.poll(() => pair.agent.messages.length, patience).toBe(2);
  });

  it("survives handlers that throw over one message, on both ends", async () => {
    await using pair = await connectPair(createWorld);
    pair.hub.onReport = ({ application }) => {
      if (application === "poison") throw new Error("cannot be handled");
    };
    pair.agent.onMessage = (message) => {
      if (message.kind === "inspect") throw new Error("cannot be handled");
    };
    pair.agentEnd.link.send({ kind: "report", report: report("poison", 1) });
    pair.agentEnd.link.send({ kind: "report", report: report("web", 2) });
    pair.hubEnd.link.send("dev-1", { kind: "inspect", inspect: { id: "q1", application: "web", what: "tree" } });
    pair.hubEnd.link.send("dev-1", assignments(1));
    await expect
      .poll(() => pair.hub.of("reported").map((event) => event.report.application), patience)
      .toContain("web");
    await expect.poll(() => pair.agent.messages.map((message) => message.kind), patience).toContain("assignments");
    expect(pair.hub.of("disconnected")).toEqual([]);
  });

  it("refuses to send assignments that no agent would take, and goes on", async () => {
    await using pair = await connectPair(createWorld);
    const large = assignments(1, maxHubMessageBytes);
    expect(() => pair.hubEnd.link.send("dev-1", large)).toThrow(expect.objectContaining({ code: "input_too_large" }));
    pair.hubEnd.link.send("dev-1", assignments(2));
    await expect.poll(() => pair.agent.messages.map(plain), patience).toEqual([plain(assignments(2))]);
  });

  it("cuts the healthy end off a report that is larger than a message", async () => {
    await using pair = await connectPair(createWorld);
    const message = "x".repeat(1_000);
    const objects = Array.from({ length: 5_000 }, (_, index) => ({
      key: { group: "apps", kind: "Deployment", namespace: "shop", name: `web-${index}` },
      version: "v1",
      apply: "failed" as const,
      health: "Failed" as const,
      reason: "Invalid",
      message,
    }));
    pair.agentEnd.link.send({ kind: "report", report: { ...report("web", 1), objects } });
    await expect.poll(() => pair.hub.of("reported").length, patience).toBe(1);
    const kept = pair.hub.of("reported")[0]?.report.objects ?? [];
    expect(kept.length).toBeGreaterThan(1_000);
    expect(kept).toEqual(objects.slice(0, kept.length));
    expect(pair.hub.of("disconnected")).toEqual([]);
  });
}

function describeConnections(createWorld: CreateWorld): void {
  it("tells a goodbye from a loss: an agent that stops is gone at once, gracefully", async () => {
    await using pair = await connectPair(createWorld);
    await pair.agentEnd.stop();
    await expect
      .poll(() => pair.hub.of("disconnected"), patience)
      .toMatchObject([{ cluster: "dev-1", graceful: true }]);
    expect(pair.hubEnd.link.send("dev-1", assignments(1))).toBe(false);
  });

  it("tells a loss from a goodbye: an agent whose connection breaks is not graceful, and comes back", async () => {
    await using pair = await connectPair(createWorld);
    pair.agentEnd.wire.cut();
    await expect
      .poll(() => pair.hub.of("disconnected"), patience)
      .toMatchObject([{ cluster: "dev-1", graceful: false }]);
    await expect.poll(() => pair.agent.ends.length, patience).toBe(1);
    pair.agentEnd.wire.resume();
    await expect.poll(() => pair.agent.connections, patience).toBe(2);
  });

  it("opens each connection with a new hello, and keeps nothing from before it", async () => {
    await using pair = await connectPair(createWorld);
    await pair.hubEnd.stop();
    await expect.poll(() => pair.agent.ends.length, patience).toBe(1);
    pair.agentEnd.link.send({ kind: "report", report: report("web", 1) });
    pair.agent.generation = 5;
    const hub = new HubRecorder();
    await pair.world.startHub(hub);
    await expect.poll(() => pair.agent.connections, patience).toBe(2);
    pair.agentEnd.link.send({ kind: "report", report: report("web", 2) });
    await expect.poll(() => hub.of("reported").length, patience).toBe(1);
    expect(hub.of("connected")[0]?.hello.generation).toBe(5);
    expect(hub.of("reported")[0]?.report.sequence).toBe(2);
  });

  it("E65: notices on both ends that the other fell silent", async () => {
    await using pair = await connectPair(createWorld);
    pair.agentEnd.wire.stall();
    await expect
      .poll(() => pair.hub.of("disconnected"), silencePatience)
      .toMatchObject([{ cluster: "dev-1", graceful: false }]);
    await expect.poll(() => pair.agent.ends.length, silencePatience).toBe(1);
    pair.agentEnd.wire.resume();
    await expect.poll(() => pair.agent.connections, patience).toBe(2);
  });

  it("E65: is back within 6 s of noticing that its connection leads nowhere", async () => {
    await using pair = await connectPair(createWorld);
    pair.agentEnd.wire.strand();
    await expect.poll(() => pair.agent.ends.length, silencePatience).toBe(1);
    await expect.poll(() => pair.agent.connections, { ...patience, timeout: 6_000 }).toBe(2);
    pair.hubEnd.link.send("dev-1", assignments(1));
    await expect.poll(() => generationOf(pair.agent.messages.at(-1)), patience).toBe(1);
  });

  it("stays connected while nobody has anything to say, for as long as it takes to notice a silent end", async () => {
    await using pair = await connectPair(createWorld);
    const doomed = new AgentRecorder();
    const { wire } = await pair.world.startAgent("dev-2", doomed);
    await expect.poll(() => doomed.connections, patience).toBe(1);
    wire.stall();
    await expect.poll(() => pair.hub.of("disconnected"), silencePatience).toMatchObject([{ cluster: "dev-2" }]);
    await expect.poll(() => doomed.ends.length, patience).toBe(1);
    expect(pair.agent).toMatchObject({ connections: 1, ends: [] });
    expect(pair.hubEnd.link.send("dev-1", assignments(1))).toBe(true);
  });

  it("ends the older connection of a cluster when a second one comes, and tells the handler in that order", async () => {
    await using pair = await connectPair(createWorld);
    const second = new AgentRecorder();
    second.generation = 2;
    await pair.world.startAgent("dev-1", second);
    await expect.poll(() => second.connections, patience).toBeGreaterThan(0);
    await expect.poll(() => pair.agent.ends.length, patience).toBeGreaterThan(0);
    expect(pair.hub.events.slice(0, 3).map((event) => event.kind)).toEqual(["connected", "disconnected", "connected"]);
  });

  it("ends a connection when the hub says so", async () => {
    await using pair = await connectPair(createWorld);
    pair.hubEnd.link.disconnect("dev-1", "cluster was detached");
    await expect.poll(() => pair.agent.ends, patience).toMatchObject([expect.stringContaining("cluster was detached")]);
    expect(pair.hub.of("disconnected")).toMatchObject([{ reason: "cluster was detached" }]);
    pair.hubEnd.link.disconnect("prod-1", "never was there");
  });

  it("never tells of a connection that the handler refused", async () => {
    await using world = await createWorld();
    const hub = new HubRecorder();
    hub.refuseConnections = true;
    const agent = new AgentRecorder();
    const { link } = await world.startHub(hub);
    const { wire } = await world.startAgent("dev-1", agent);
    await expect.poll(() => wire.accepted(), patience).toBeGreaterThan(2);
    expect(link.send("dev-1", assignments(1))).toBe(false);
    expect(agent.connections).toBe(0);
    hub.refuseConnections = false;
    await expect.poll(() => agent.connections, patience).toBe(1);
    expect(hub.events.map((event) => event.kind)).toEqual(["connected"]);
  });
}

function describeIdentities(createWorld: CreateWorld): void {
  it.each(["foreign", "expired"] as const)("lets nobody in with a certificate that is %s", async (credential) => {
    await using world = await createWorld();
    const hub = new HubRecorder();
    const stranger = new AgentRecorder();
    const good = new AgentRecorder();
    await world.startHub(hub);
    const { wire } = await world.startAgent("dev-1", stranger, credential);
    await expect.poll(() => wire.accepted(), patience).toBeGreaterThan(2);
    await world.startAgent("dev-2", good);
    await expect.poll(() => good.connections, patience).toBe(1);
    expect(stranger.connections).toBe(0);
    expect(hub.of("connected").map((event) => event.cluster)).toEqual(["dev-2"]);
  });
}
