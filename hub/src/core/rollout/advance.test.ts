import fc from "fast-check";
import { expect, test } from "vitest";

import { resumeRollout } from "./advance.ts";
import { withApproval } from "./approval.ts";
import { Fleet } from "./rollout.fixture.ts";
import { noProgress, type Rollout } from "./rollout.ts";

const wave = (name: string, more = ""): string =>
  `{ name: ${name}, selector: { matchLabels: { wave: ${name} } }${more} }`;
const two = `{ waves: [${wave("canary")}, ${wave("prod")}] }`;
const names = { c1: "canary", c2: "canary", p1: "prod", p2: "prod", x1: "other" };
const minute = 60_000;

function rolloutOf(fleet: Fleet): Rollout {
  if (fleet.rollout === undefined) throw new Error("nothing has begun");
  return fleet.rollout;
}

test("goes from wave to wave, each after all of the one before are current, those that no wave names last (E26)", () => {
  const fleet = new Fleet(two, names);
  expect(fleet.step()).toMatchObject({ release: ["c1", "c2"], phase: "Releasing" });
  expect(fleet.step()).toMatchObject({ release: [], message: "0 of 2 clusters of wave canary have it" });
  fleet.set("c1", { state: "current" });
  const step = fleet.step();
  expect(step).toMatchObject({ release: [], message: "1 of 2 clusters of wave canary have it" });
  expect(step.waiting.get("p1")).toBe("waits for wave canary");
  fleet.settle();
  expect(fleet.step().release).toEqual(["p1", "p2"]);
  fleet.settle();
  expect(fleet.step().release).toEqual(["x1"]);
  fleet.settle();
  expect(fleet.step()).toMatchObject({ release: [], phase: "Complete", message: "", wakeAtMs: undefined });
});

test("has no more under way at once than the wave or the strategy says; 0 releases nothing", () => {
  const fleet = new Fleet(`{ maxConcurrent: 1, waves: [${wave("canary", ", maxConcurrent: 2")}] }`, {
    c1: "canary",
    c2: "canary",
    c3: "canary",
    p1: "prod",
    p2: "prod",
  });
  const step = fleet.step();
  expect(step.release).toEqual(["c1", "c2"]);
  expect(step.waiting.get("c3")).toBe("waits for its turn in wave canary: 2 at once");
  fleet.set("c2", { state: "current" });
  expect(fleet.step().release).toEqual(["c3"]);
  fleet.settle();
  expect(fleet.step().release).toEqual(["p1"]);
  expect(fleet.step().release).toEqual([]);
  expect(new Fleet("{ maxConcurrent: 0 }", { p1: "prod" }).step().release).toEqual([]);
});

test("E19: a cluster whose labels change stays in its wave, gets the change once and is counted once", () => {
  const fleet = new Fleet(two, names);
  fleet.step();
  fleet.settle();
  fleet.set("c1", { wave: "prod" });
  fleet.set("p1", { wave: "canary" });
  expect(fleet.step().release).toEqual(["p1", "p2"]);
  const last = fleet.run();
  expect(fleet.log.toSorted()).toEqual(["c1", "c2", "p1", "p2", "x1"]);
  expect(last.waves.map(({ name, clusters, current }) => [name, clusters, current])).toEqual([
    ["canary", 2, 2],
    ["prod", 2, 2],
    ["rest", 1, 1],
  ]);
});

test("E24: a cluster that joins goes with its wave, at once when that has passed, and moves no other", () => {
  const fleet = new Fleet(two, names);
  fleet.step();
  fleet.settle();
  fleet.add("c0", "canary");
  fleet.add("p0", "prod");
  // The canaries have not passed yet, so the new one belongs to what has to be current.
  expect(fleet.step().release).toEqual(["c0"]);
  fleet.settle();
  expect(fleet.step().release).toEqual(["p0", "p1", "p2"]);
  fleet.add("c3", "canary");
  expect(fleet.step()).toMatchObject({ release: ["c3"] });
  fleet.settle();
  expect(fleet.step().release).toEqual(["x1"]);
});

test("E31: offline clusters hold up no wave, are shown as deferred, and get the newest revision when they are back", () => {
  const fleet = new Fleet(two, names);
  fleet.set("c2", { connected: false });
  const step = fleet.step();
  expect(step.release).toEqual(["c1"]);
  expect(step.waiting.get("c2")).toBe("it is offline, and gets this when it is back");
  expect(step.waves[0]).toMatchObject({ clusters: 2, underWay: 1, pending: 0, deferred: 1 });
  const last = fleet.run();
  expect(last).toMatchObject({ phase: "Complete", message: "1 offline cluster catches up when back" });
  fleet.content = "b2";
  fleet.run();
  fleet.set("c2", { connected: true });
  expect(fleet.step().release).toEqual(["c2"]);
  expect(fleet.clusters.get("c2")?.has).toBe("b2");
  expect(fleet.log.filter((name) => name === "c2")).toEqual(["c2"]);
});

test("R10: a wave whose clusters are all offline or had it before proves nothing", () => {
  const fleet = new Fleet(two, names);
  for (const name of ["c1", "c2"]) fleet.set(name, { connected: false });
  expect(fleet.step()).toMatchObject({ release: [], phase: "NoEvidence" });
  fleet.set("c1", { connected: true });
  expect(fleet.step().release).toEqual(["c1"]);
});

test("a wave that the change is not about holds up nothing", () => {
  const fleet = new Fleet(`{ waves: [${wave("canary", ", soak: 10m, approval: true")}] }`, {
    c1: "canary",
    p1: "prod",
  });
  fleet.set("c1", { has: "b1", state: "failed" });
  expect(fleet.step().release).toEqual(["p1"]);
});

test("R10: soaks for as long as the wave says after the last of it became current, and anew when one comes to it", () => {
  const fleet = new Fleet(`{ waves: [${wave("canary", ", soak: 10m")}] }`, { c1: "canary", p1: "prod" });
  fleet.step();
  fleet.settle();
  const until = fleet.nowMs + 10 * minute;
  expect(fleet.step()).toMatchObject({ release: [], phase: "Soaking", wakeAtMs: until });
  fleet.nowMs += 9 * minute;
  expect(fleet.step()).toMatchObject({ release: [], wakeAtMs: until });
  fleet.add("c2", "canary");
  expect(fleet.step().release).toEqual(["c2"]);
  fleet.settle();
  expect(fleet.step()).toMatchObject({ phase: "Soaking", wakeAtMs: fleet.nowMs + 10 * minute });
  fleet.nowMs += 10 * minute;
  expect(fleet.step().release).toEqual(["p1"]);
});

test("E33: is the same when it goes on from what was stored", () => {
  const fleet = new Fleet(`{ waves: [${wave("canary", ", soak: 10m")}] }`, { c1: "canary", p1: "prod" });
  fleet.step();
  fleet.settle();
  fleet.step();
  fleet.nowMs += 5 * minute;
  fleet.rollout = JSON.parse(JSON.stringify(fleet.rollout)) as Rollout;
  expect(fleet.step()).toMatchObject({ phase: "Soaking", wakeAtMs: fleet.nowMs + 5 * minute });
});

test("more failures than may be freeze it until a person resumes; those that the person saw count no more", () => {
  const fleet = new Fleet(`{ maxFailures: 1, waves: [${wave("canary")}] }`, {
    c1: "canary",
    c2: "canary",
    c3: "canary",
    p1: "prod",
  });
  fleet.step();
  fleet.set("c1", { state: "failed" });
  expect(fleet.step().phase).toBe("Releasing");
  fleet.set("c2", { state: "failed" });
  fleet.set("c3", { state: "current" });
  const frozen = fleet.step();
  expect(frozen).toMatchObject({ release: [], phase: "Frozen", failed: ["c1", "c2"] });
  expect(frozen.message).toBe("c1, c2 failed, and 1 may; nothing more is released: drover rollout resume web");
  fleet.set("c2", { state: "current" });
  expect(fleet.step()).toMatchObject({ release: [], phase: "Frozen" });
  fleet.rollout = resumeRollout(rolloutOf(fleet), ["c1"]);
  expect(fleet.step().release).toEqual(["p1"]);
  fleet.set("p1", { state: "failed" });
  expect(fleet.step()).toMatchObject({ phase: "NoEvidence", failed: ["c1", "p1"] });
});

test("a cluster that does not become current in time has failed; one that is offline has not", () => {
  const fleet = new Fleet(`{ deadline: 15m, waves: [${wave("canary")}] }`, { c1: "canary", c2: "canary", p1: "prod" });
  expect(fleet.step().release).toEqual(["c1", "c2"]);
  fleet.set("c2", { connected: false });
  expect(fleet.step().wakeAtMs).toBe(fleet.nowMs + 15 * minute);
  fleet.nowMs += 15 * minute;
  expect(fleet.step()).toMatchObject({ release: [], phase: "Frozen", failed: ["c1"] });
});

test("E35: newer content begins anew: all go to it directly, failures and approvals are forgotten, a pause is not", () => {
  const fleet = new Fleet(two, names);
  fleet.step();
  fleet.set("c1", { state: "failed" });
  expect(fleet.step().phase).toBe("Frozen");
  fleet.content = "b2";
  expect(fleet.step().release).toEqual(["c1", "c2"]);
  fleet.rollout = { ...rolloutOf(fleet), stopped: "paused" };
  fleet.content = "b3";
  expect(fleet.step()).toMatchObject({ release: [], phase: "Paused" });
});

test("a wave that needs approval begins when a person lets it, and the one after it does not need theirs", () => {
  const fleet = new Fleet(`{ waves: [${wave("canary")}, ${wave("prod", ", approval: true")}] }`, names);
  const step = fleet.run();
  expect(step).toMatchObject({ release: [], phase: "AwaitingApproval" });
  expect(step.waiting.get("p1")).toBe("wave prod waits for approval: drover rollout approve web");
  expect(step.waiting.get("x1")).toBe("waits for wave prod");
  fleet.rollout = withApproval(rolloutOf(fleet), "prod", { name: "ann", principal: undefined }, noProgress);
  expect(fleet.step().release).toEqual(["p1", "p2"]);
});

test("E38: a window that closes lets what is under way finish, and releases nothing until the next opens", () => {
  const fleet = new Fleet(`{ maxConcurrent: 1, windows: [{ from: "09:00", to: "10:00" }] }`, { a: "x", b: "x" });
  fleet.nowMs = Date.parse("2026-11-27T09:30:00Z");
  expect(fleet.step().release).toEqual(["a"]);
  fleet.nowMs = Date.parse("2026-11-27T10:00:00Z");
  fleet.settle();
  const step = fleet.step();
  expect(step).toMatchObject({ release: [], phase: "WindowClosed", wakeAtMs: Date.parse("2026-11-28T09:00:00Z") });
  expect(step.waiting.get("b")).toBe("no window is open; the next opens at 2026-11-28T09:00:00Z");
  fleet.nowMs = Date.parse("2026-11-28T09:00:00Z");
  expect(fleet.step().release).toEqual(["b"]);
  fleet.settle();
  fleet.nowMs = Date.parse("2026-11-28T12:00:00Z");
  expect(fleet.step().phase).toBe("Complete");
});

const waveNames = ["w1", "w2", "other"] as const;
const clusterArbitrary = fc.record({ wave: fc.constantFrom(...waveNames), connected: fc.boolean() });
const happening = fc.oneof(
  fc.record({ kind: fc.constant("settle" as const) }),
  fc.record({ kind: fc.constant("fail" as const), index: fc.nat(20) }),
  fc.record({ kind: fc.constant("connect" as const), index: fc.nat(20), connected: fc.boolean() }),
  fc.record({ kind: fc.constant("relabel" as const), index: fc.nat(20), wave: fc.constantFrom(...waveNames) }),
  fc.record({ kind: fc.constant("time" as const), minutes: fc.nat(20) }),
  fc.record({ kind: fc.constant("join" as const), wave: fc.constantFrom(...waveNames) }),
);

test("R11: whatever happens, no wave begins before the one before it has passed, and no bound is exceeded", () => {
  fc.assert(
    fc.property(
      fc.array(clusterArbitrary, { minLength: 1, maxLength: 12 }),
      fc.array(happening, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 2 }),
      (clusters, happenings, most, failures) => {
        const fleet = new Fleet(
          `{ maxConcurrent: ${most}, maxFailures: ${failures}, waves: [${wave("w1", ", soak: 5m")}, ${wave("w2")}] }`,
          {},
        );
        for (const [index, { wave: label, connected }] of clusters.entries()) {
          fleet.add(`c${index}`, label);
          fleet.set(`c${index}`, { connected });
        }
        for (const happens of happenings) {
          const step = fleet.step();
          const { pinned, waves } = rolloutOf(fleet);
          for (const name of step.release) {
            expect(fleet.clusters.get(name)?.connected).toBe(true);
            if (pinned[name] !== "w1") expect(waves["w1"]?.passed).toBe(true);
            if (pinned[name] === "rest") expect(waves["w2"]?.passed).toBe(true);
          }
          for (const one of step.waves) expect(one.underWay).toBeLessThanOrEqual(most);
          if (step.failed.length > failures) expect(step.release).toEqual([]);
          // Every cluster that lacks it is released or told why not.
          const lacking = fleet.members().filter(({ assigned }) => !assigned);
          expect([...step.waiting.keys()].toSorted()).toEqual(lacking.map(({ cluster }) => cluster).toSorted());
          happen(fleet, happens);
        }
        expect(new Set(fleet.log).size).toBe(fleet.log.length);
      },
    ),
  );
});

test("reaches every cluster once all are connected and become current", () => {
  fc.assert(
    fc.property(fc.array(clusterArbitrary, { minLength: 1, maxLength: 12 }), (clusters) => {
      const fleet = new Fleet(`{ maxConcurrent: 34%, waves: [${wave("w1", ", soak: 5m")}, ${wave("w2")}] }`, {});
      for (const [index, { wave: label }] of clusters.entries()) fleet.add(`c${index}`, label);
      fleet.run();
      fleet.nowMs += 5 * minute;
      expect(fleet.run().phase).toBe("Complete");
      expect(fleet.log.toSorted()).toEqual([...fleet.clusters.keys()].toSorted());
    }),
  );
});

function happen(fleet: Fleet, happens: typeof happening extends fc.Arbitrary<infer T> ? T : never): void {
  if (happens.kind === "settle") fleet.settle();
  else if (happens.kind === "time") fleet.nowMs += happens.minutes * minute;
  else if (happens.kind === "join") fleet.add(`j${fleet.clusters.size}`, happens.wave);
  else {
    const name = [...fleet.clusters.keys()][happens.index % fleet.clusters.size] ?? "";
    const cluster = fleet.clusters.get(name);
    if (happens.kind === "connect") fleet.set(name, { connected: happens.connected });
    else if (happens.kind === "relabel") fleet.set(name, { wave: happens.wave });
    else if (cluster?.has === fleet.content) fleet.set(name, { state: "failed" });
  }
}
