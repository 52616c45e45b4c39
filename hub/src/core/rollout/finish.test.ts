import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { resumeRollout } from "./advance.ts";
import { withApproval } from "./approval.ts";
import { Fleet } from "./rollout.fixture.ts";
import { noProgress } from "./rollout.ts";

const wave = (name: string, more = ""): string =>
  `{ name: ${name}, selector: { matchLabels: { wave: ${name} } }${more} }`;
const names = { c1: "canary", p1: "prod", p2: "prod", x1: "none" };
const finish = (more = ""): string =>
  `{ supersede: finish, waves: [${wave("canary")}, ${wave("prod", `, maxConcurrent: 1${more}`)}] }`;
const has = (fleet: Fleet): string => [...fleet.clusters.values()].map((cluster) => cluster.has).join(" ");

/** Of which the canary has b1 when b2 comes. */
const underWay = (spec = finish()): Fleet => {
  const fleet = new Fleet(spec, names);
  fleet.step();
  fleet.content = "b2";
  return fleet;
};

describe("E35: supersede: finish", () => {
  test("goes on with what is being released, wave by wave, and begins the next when that has ended", () => {
    const fleet = underWay();
    const step = fleet.step();
    expect(step).toMatchObject({
      release: [],
      phase: "Releasing",
      rollout: { content: "b1" },
      next: { revision: "b2" },
    });
    expect(step.message).toBe("0 of 1 clusters of wave canary have it; b2 waits until it has ended");
    fleet.settle();
    expect(fleet.step()).toMatchObject({ release: ["p1"], next: { put: [{ cluster: "p1", bundle: "b1" }] } });
    expect(has(fleet)).toBe("b1 b1 b0 b0");
    fleet.settle();
    expect(fleet.step().release).toEqual(["p2"]);
    fleet.settle();
    expect(fleet.step().release).toEqual(["x1"]);
    fleet.settle();
    expect(fleet.step()).toMatchObject({ release: ["c1"], rollout: { content: "b2" } });
    expect(fleet.run().phase).toBe("Complete");
    expect(has(fleet)).toBe("b2 b2 b2 b2");
  });

  test("lets only the newest wait", () => {
    const fleet = underWay();
    for (const content of ["b3", "b4", "b5"]) {
      fleet.content = content;
      expect(fleet.step().next?.revision).toBe(content);
    }
    fleet.run();
    expect(new Set(has(fleet).split(" "))).toEqual(new Set(["b5"]));
    expect(fleet.log).toEqual(["c1", "p1", "p2", "x1", "c1", "p1", "p2", "x1"]);
  });

  test("has nothing to wait for when Git goes back to what is being released", () => {
    const fleet = underWay();
    fleet.step();
    fleet.content = "b1";
    const step = fleet.step();
    expect([step.next, step.rollout.content]).toEqual([undefined, "b1"]);
    expect(fleet.run().phase).toBe("Complete");
  });

  test("begins the next when failures have frozen the one before: it may be the repair", () => {
    const fleet = underWay();
    fleet.set("c1", { state: "failed" });
    expect(fleet.step()).toMatchObject({ phase: "Frozen", rollout: { content: "b1" }, wakeAtMs: fleet.nowMs + 1 });
    expect(fleet.step()).toMatchObject({ release: ["c1"], rollout: { content: "b2", stopped: "" } });
  });

  test("waits while the one before is paused, and goes on with that when a person lets it", () => {
    const fleet = underWay();
    fleet.rollout = { ...fleet.step().rollout, stopped: "paused" };
    fleet.settle();
    expect(fleet.step()).toMatchObject({ release: [], phase: "Paused", next: { revision: "b2" } });
    fleet.rollout = resumeRollout(fleet.rollout, []);
    expect(fleet.step()).toMatchObject({ release: ["p1"], rollout: { content: "b1" } });
  });

  test("waits while the one before waits for an approval, which is for that one and not for the next", () => {
    const fleet = underWay(finish(", approval: true"));
    fleet.settle();
    const step = fleet.step();
    expect(step).toMatchObject({ release: [], phase: "AwaitingApproval", rollout: { content: "b1" } });
    fleet.rollout = withApproval(step.rollout, "prod", { name: "ann", principal: undefined }, noProgress);
    expect(fleet.run()).toMatchObject({ phase: "AwaitingApproval", rollout: { content: "b2" } });
    expect(has(fleet)).toBe("b2 b1 b1 b1");
  });

  test("does not wait for clusters that are offline, and one that joins gets the next in its turn", () => {
    const fleet = underWay();
    fleet.set("x1", { connected: false });
    fleet.add("p3", "prod", "");
    fleet.settle();
    for (let time = 0; time < 9 && fleet.step().rollout.content === "b1"; time += 1) {
      expect(fleet.clusters.get("p3")?.has).toBe("");
      fleet.settle();
    }
    expect(has(fleet)).toBe("b2 b1 b1 b0 ");
    fleet.run();
    expect(has(fleet)).toBe("b2 b2 b2 b0 b2");
    fleet.set("x1", { connected: true });
    fleet.run();
    expect(fleet.clusters.get("x1")?.has).toBe("b2");
  });

  test("takes over at once where the strategy says newest by then", () => {
    const fleet = underWay();
    fleet.step();
    fleet.strategy = { ...fleet.strategy, supersede: "newest" };
    expect(fleet.step()).toMatchObject({ release: ["c1"], rollout: { content: "b2" } });
  });

  test("ends, whatever comes in between, and no cluster goes from one revision to one before it", () => {
    const moves = fc.array(fc.constantFrom("commit", "settle", "step", "fail", "leave", "return"), { maxLength: 60 });
    fc.assert(
      fc.property(moves, (done) => {
        const fleet = new Fleet(finish(), names);
        const revisions: number[] = [];
        for (const move of done) {
          if (move === "commit") fleet.content = `b${Number(fleet.content.slice(1)) + 1}`;
          if (move === "settle") fleet.settle();
          if (move === "step") revisions.push(Number(fleet.step().rollout.content.slice(1)));
          if (move === "fail" && fleet.clusters.get("c1")?.state === "under-way") fleet.set("c1", { state: "failed" });
          if (move === "leave" || move === "return") fleet.set("p2", { connected: move === "return" });
        }
        expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
        fleet.set("p2", { connected: true });
        // Whoever failed is repaired by what comes next.
        for (let time = 0; time < 3; time += 1) {
          for (const [name, { state }] of fleet.clusters) if (state === "failed") fleet.set(name, { state: "current" });
          if (fleet.rollout?.stopped === "failures") fleet.rollout = resumeRollout(fleet.rollout, []);
          fleet.run();
        }
        expect(new Set(has(fleet).split(" "))).toEqual(new Set([fleet.content]));
      }),
    );
  });
});
