import { systemClock, type Clock } from "@drover/shared/clock";
import { recordAt } from "@drover/shared/json";
import type { Assignments, HubMessage, Signed, Standing } from "@drover/shared/link/link";
import { HubRecorder } from "@drover/shared/link/recorders.contract";
import { signAssignments } from "@drover/shared/trust/envelope";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { expect, it, vi } from "vitest";

import { configMap, mapPath } from "./agent-objects.ts";
import { startEvilWire } from "./evil-wire.ts";
import { standInCluster } from "./hub-stand-in.ts";
import { assignmentsOf, generationsOf, sayNews, seeded, type Draw } from "./link-news.ts";
import { createLinkWorld, startTwoAgents, type Carrier } from "./link-world.ts";
import { field, startLoneAgent } from "./lone-agent.ts";

// Whoever carries what hub and agent say to each other may do what he likes with it. Of the bytes on the wire nothing gets
// through changed; and had he the hub's certificate too, but not the key that signs, nothing would be applied that the hub
// did not assign to this very cluster, nor anything older than what it has.

const tricks = ["flip", "drop", "twice", "cut", "hold", "replay", "cross"] as const;
type Trick = (typeof tricks)[number];

/** A wire that bends one chunk of bytes in `oneIn`, and knows what went over all its connections. */
async function startTrickyWire(target: { host: string; port: number }, pick: Draw, oneIn: number) {
  const played = new Map<Trick, number>();
  const seen: Buffer[] = [];
  const bend = (chunk: Buffer, held: Buffer[]): readonly Buffer[] => {
    if (seen.length < 200) seen.push(chunk);
    const waiting = held.splice(0);
    if (pick(oneIn) !== 0) return [chunk, ...waiting];
    const trick = tricks[pick(tricks.length)] ?? "drop";
    played.set(trick, (played.get(trick) ?? 0) + 1);
    const bent = Buffer.from(chunk);
    const at = pick(bent.length);
    switch (trick) {
      case "flip":
        bent[at] = (bent[at] ?? 0) ^ (1 << pick(8));
        return [bent, ...waiting];
      case "drop":
        return waiting;
      case "twice":
        return [chunk, chunk, ...waiting];
      case "cut":
        return [bent.subarray(0, at), ...waiting];
      case "hold":
        held.push(chunk);
        return waiting;
      case "replay":
      case "cross":
        // Of whichever agent's connection it was.
        return [chunk, seen[pick(seen.length)] ?? chunk, ...waiting];
    }
  };
  const wire = await startEvilWire(target, () => {
    const held: Buffer[] = [];
    return (chunk) => bend(chunk, held);
  });
  return { ...wire, played };
}

it("T28: of bytes that are bent, dropped, repeated, cut, held back, replayed or sent to another, none gets through", async () => {
  const pick = seeded(28);
  let evil: Awaited<ReturnType<typeof startTrickyWire>> | undefined;
  const carrier = async (port: number, parts: AsyncDisposableStack): Promise<Carrier> => {
    const target = { host: "127.0.0.1", port };
    const wire = parts.use(await startTrickyWire(target, pick, 16));
    evil = wire;
    return { target, hubEnd: (link) => link, agentAddress: () => Promise.resolve(`127.0.0.1:${wire.port}`) };
  };
  await using world = await createLinkWorld(carrier);
  const hub = await world.startHub(new HubRecorder());
  const agents = await startTwoAgents(world);
  let generation = 0;
  const isEnough = (): boolean => {
    const messages = [...agents.values()].map(({ messages: { length } }) => length);
    return Math.min(...messages) >= 15 && tricks.every((trick) => evil?.played.has(trick) === true);
  };
  await vi.waitFor(
    () => {
      generation += 1;
      for (const cluster of agents.keys()) {
        sayNews(hub.link, cluster, generation);
      }
      expect(isEnough()).toBe(true);
    },
    { timeout: 90_000, interval: 10 },
  );
  for (const [cluster, { messages }] of agents) {
    const generations = generationsOf(cluster, messages);
    expect(generations).toEqual(generations.toSorted((a, b) => a - b));
  }
}, 120_000);

type Bending = (typeof bendings)[number];
const bendings = ["pass", "drop", "replay", "twice", "late", "truncate", "flip", "forge", "retype", "cross"] as const;

/** Somebody who reads and writes every message of the hub, and has all the keys but the one that signs. */
class EvilCarrier {
  readonly played = new Map<Bending, number>();
  readonly #pick: Draw;
  readonly #seen: HubMessage[] = [];
  readonly #late: HubMessage[] = [];
  readonly #stranger = createSigningKey();
  readonly #others: readonly Signed[];

  constructor(pick: Draw, others: readonly Signed[]) {
    this.#pick = pick;
    this.#others = others;
  }

  carry(message: HubMessage, pass: (message: HubMessage) => void): void {
    this.#seen.push(message);
    const bending = bendings[this.#pick(bendings.length)] ?? "drop";
    this.played.set(bending, (this.played.get(bending) ?? 0) + 1);
    for (const bent of this.#bend(bending, message)) pass(bent);
  }

  #bend(bending: Bending, message: HubMessage): readonly HubMessage[] {
    const any = <T>(list: readonly T[]): readonly T[] => list.slice(this.#pick(list.length)).slice(0, 1);
    if (message.kind === "inspect") return [message];
    const { payload, signature, keyId } = message.signed;
    const bytes = Buffer.from(payload);
    const at = this.#pick(bytes.length);
    switch (bending) {
      case "pass":
        return [message];
      case "drop":
        return [];
      case "twice":
        return [message, message];
      case "replay":
        // What was dropped before may come now, however old it is.
        return [...any(this.#seen), ...any(this.#seen)];
      case "late":
        this.#late.push(message);
        return this.#late.length < 4 ? [] : this.#late.splice(0).toReversed();
      case "truncate":
        return [{ ...message, signed: { payload: bytes.subarray(0, at), signature, keyId } }];
      case "flip":
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#pick(8));
        return [{ ...message, signed: { payload: bytes, signature, keyId } }];
      case "retype":
        return [{ kind: message.kind === "beat" ? "assignments" : "beat", signed: message.signed }];
      case "forge":
        return [{ kind: "assignments", signed: { ...signAssignments(evilAssignments, this.#stranger), keyId } }];
      case "cross":
        return any(this.#others).map((signed) => ({ kind: "assignments", signed }));
    }
  }
}

const evilAssignments: Assignments = {
  ...assignmentsOf(standInCluster, 999),
  epoch: "epoch-1",
  tombstones: [{ application: "app", reason: "evil", detach: false, confirmPrune: "" }],
};

it("T28: of messages that are bent by somebody who lacks only the signing key, none is applied wrongly", async () => {
  await using agent = await startLoneAgent("embedded");
  const pick = seeded(82);
  const contents = (generation: number) => [
    configMap("news", { generation: String(generation), of: standInCluster }),
    configMap("kept", { always: "there" }),
  ];
  const foreign = (generation: number, change: Partial<Assignments>): Signed => {
    const tombstones = evilAssignments.tombstones;
    return agent.hub.envelope({ ...evilAssignments, generation, targets: [], tombstones, ...change });
  };
  const others = [
    foreign(500, { cluster: "other" }),
    foreign(2, { clusterUid: "other" }),
    foreign(501, { clusterUid: "x" }),
  ];
  const evil = new EvilCarrier(pick, others);
  let generation = 0;
  let newest = 0;
  const wrong: string[] = [];
  const applied: number[] = [];
  agent.beforeRequest(({ method, path, body = "" }) => {
    if (method === "DELETE") wrong.push(path);
    if (method === "PATCH" && path.includes("/configmaps/news")) {
      const data = recordAt(JSON.parse(body), "data");
      const is = Number(data?.["generation"]);
      if (data?.["of"] !== standInCluster || is > generation || is < newest) wrong.push(`${newest} -> ${body}`);
      newest = Math.max(newest, is);
      applied.push(is);
    }
    return Promise.resolve();
  });
  agent.hub.carrier = (message, pass) => evil.carry(message, pass);
  const bends = (): number => [...evil.played.values()].reduce((sum, count) => sum + count, 0);
  while (bends() < 500) {
    generation += 1;
    agent.hub.assign("app", contents(generation));
    agent.hub.beat();
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  expect(bendings.every((bending) => (evil.played.get(bending) ?? 0) >= 20)).toBe(true);
  expect(wrong).toEqual([]);
  // It was not for want of traffic.
  expect(new Set(applied).size).toBeGreaterThan(20);
  // The end of it all: one message as it is, and all is as the hub says.
  agent.hub.carrier = (message, pass) => pass(message);
  generation += 1;
  const { bundle } = agent.hub.assign("app", contents(generation));
  await agent.untilApplied("app", bundle);
  const live = await agent.get(mapPath("news"));
  expect(field(live, "data", "generation")).toBe(String(generation));
  expect(await agent.get(mapPath("kept"))).toBeDefined();
  expect(wrong).toEqual([]);
}, 120_000);

it("T28, R6: when news or beats are kept back the agent heals, deletes nothing and says so, until they come again", async () => {
  const shift = { ms: 0 };
  const clock: Clock = { ...systemClock, now: () => Date.now() + shift.ms };
  await using agent = await startLoneAgent("embedded", { clock });
  const { hub } = agent;
  const minute = 60_000;
  const patience = { timeout: 20_000, interval: 20 };
  const beat = (): void => hub.beat({ sentAtMs: clock.now() });
  const standing = (): Standing | undefined =>
    hub.messages.findLast((message) => message.kind === "hello")?.hello.standing ?? hub.hellos.at(-1)?.standing;
  hub.freshForMs = 10 * minute;
  const both = [configMap("one", { a: "1" }), configMap("two", { a: "1" }), configMap("three", { a: "1" })];
  await agent.untilApplied("app", hub.assign("app", both).bundle);
  beat();
  // The beats go on, and the news are kept back.
  hub.carrier = (message, pass) => (message.kind === "assignments" ? undefined : pass(message));
  hub.assign("app", both.slice(0, 2));
  beat();
  shift.ms = 9 * minute;
  beat();
  shift.ms = 11 * minute;
  await vi.waitFor(() => expect(standing()?.staleSinceMs).toBeGreaterThan(0), patience);
  // Now it is the beats that are kept back.
  hub.carrier = (message, pass) => (message.kind === "beat" ? undefined : pass(message));
  hub.hand({});
  hub.bury("gone");
  await agent.untilReported("app", { reason: "Stale", phase: "applying" });
  await agent.edit(mapPath("one"), { data: { a: "2" } });
  await vi.waitFor(async () => expect(field(await agent.get(mapPath("one")), "data", "a")).toBe("1"), patience);
  await agent.restart();
  await agent.untilReported("app", { reason: "Stale" });
  hub.bury("app");
  await agent.untilReported("app", { reason: "Stale", phase: "removing" });
  await agent.edit(mapPath("two"), { data: { a: "2" } });
  await vi.waitFor(async () => expect(field(await agent.get(mapPath("two")), "data", "a")).toBe("1"), patience);
  expect(agent.takeAnswered().filter((request) => request.startsWith("DELETE"))).toEqual([]);
  expect(await agent.get(mapPath("three"))).toBeDefined();
  hub.carrier = (message, pass) => pass(message);
  beat();
  await agent.untilReported("app", { phase: "removed" });
}, 120_000);
