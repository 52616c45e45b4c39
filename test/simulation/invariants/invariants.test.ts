import { describe, expect, it } from "vitest";

import type { AcceptedTarget, Fact, Invariant } from "../facts.ts";
import { appliedMeansWhole } from "./applied-means-whole.ts";
import { decisionsSurvive } from "./decisions-survive.ts";
import { deletionIsOrdered } from "./deletion-is-ordered.ts";
import { driftIsHealed } from "./drift-is-healed.ts";
import { everythingConverges } from "./everything-converges.ts";
import { foreignObjectsStay } from "./foreign-objects-stay.ts";
import { generationNeverFalls } from "./generation-never-falls.ts";
import { newestIsDelivered } from "./newest-is-delivered.ts";
import { nobodyDies } from "./nobody-dies.ts";
import { pruneHasABudget } from "./prune-has-a-budget.ts";
import { repetitionChangesNothing } from "./repetition-changes-nothing.ts";
import { restoreRollsNothingBack } from "./restore-rolls-nothing-back.ts";
import { revokedGetsNothing } from "./revoked-gets-nothing.ts";
import { silenceIsShown } from "./silence-is-shown.ts";
import { statusNeverFalls } from "./status-never-falls.ts";

/** What comes a minute after the fact before it. */
interface Later {
  readonly minutes: number;
}

type Step = Fact | Later;

const minute = (minutes: number): Later => ({ minutes });
const target = (names: readonly string[], { bundle = "b1", confirmed = false } = {}): AcceptedTarget => ({
  bundle,
  objects: new Map(names.map((name) => [name, "v1"])),
  confirmed,
});
const accepted = (
  targets: Readonly<Record<string, AcceptedTarget>>,
  { generation = 1, epoch = "e1", removed = [] as readonly string[] } = {},
): Fact => ({
  kind: "accepted",
  cluster: "c1",
  epoch,
  generation,
  targets: new Map(Object.entries(targets)),
  removed: new Set(removed),
});
const started = (generation: number, epoch = "e1"): Fact => ({
  kind: "agent-started",
  cluster: "c1",
  epoch,
  generation,
});
const deleted = (object: string, owner = "web"): Fact => ({
  kind: "agent-deleted",
  cluster: "c1",
  object,
  uid: "u1",
  owner,
});
const wrote = (object: string, { uid = "u1", owner = "web" } = {}): Fact => ({
  kind: "agent-wrote",
  cluster: "c1",
  object,
  uid,
  owner,
});
const live = (object: string, content: string | undefined, uid = "u1"): Fact => ({
  kind: "live",
  cluster: "c1",
  object,
  uid,
  content,
});
const reported: Fact = { kind: "reported-applied", cluster: "c1", app: "web", bundle: "b1" };
const observed = (life: number, sequence: number): Fact => ({
  kind: "observed",
  cluster: "c1",
  app: "web",
  life,
  sequence,
});
const gave: Fact = { kind: "hub-gave", cluster: "c1", what: "generation 2" };
const acknowledged = (value: string): Fact => ({ kind: "acknowledged", about: "env of c1", value });
const attempted = (value: string): Fact => ({ kind: "attempted", about: "env of c1", value });
const hubStarted = (value: string): Fact => ({ kind: "hub-started", decisions: new Map([["env of c1", value]]) });
const restored: Fact = { kind: "restored" };
const shown = (state: "current" | "offline", silentMs: number): Fact => ({
  kind: "shown",
  cluster: "c1",
  states: [state],
  silentMs,
});
const settled = (liveNow: readonly string[], generation = 1): Fact => ({
  kind: "settled",
  cluster: "c1",
  accepted: 1,
  generation,
  expected: new Map([["a", "v1"]]),
  live: new Map(liveNow.map((name) => [name, "v1"])),
});
const many = Array.from({ length: 20 }, (_, index) => `o${index}`);

/** By promise: histories that keep it, and histories that break it with their last fact. */
const cases: Readonly<
  Record<
    string,
    {
      readonly promise: () => Invariant;
      readonly kept: readonly (readonly Step[])[];
      readonly broken: readonly (readonly Step[])[];
    }
  >
> = {
  "R1: deletes only what is ordered to be deleted": {
    promise: deletionIsOrdered,
    kept: [
      [accepted({ web: target(["a"]) }), deleted("b")],
      [accepted({}, { removed: ["web"] }), deleted("a")],
    ],
    broken: [
      [accepted({ web: target(["a"]) }), deleted("a")],
      [accepted({}), deleted("a")],
      [accepted({ web: target([]) }), { kind: "disk-lost", cluster: "c1" }, deleted("a")],
    ],
  },
  "R2: deletes many objects only when a person has confirmed it": {
    promise: pruneHasABudget,
    kept: [
      [accepted({ web: target(["a"]) }), ...many.slice(0, 10).map((name) => deleted(name))],
      [accepted({ web: target([], { confirmed: true }) }), deleted("a")],
      [accepted({}, { removed: ["web"] }), deleted("a")],
    ],
    broken: [
      [accepted({ web: target([]) }), deleted("a")],
      [accepted({ web: target(["a"]) }), ...many.slice(0, 11).map((name) => deleted(name))],
    ],
  },
  "R3: never follows anything older": {
    promise: generationNeverFalls,
    kept: [
      [accepted({}, { generation: 2 }), started(2), accepted({}, { generation: 1, epoch: "e2" })],
      [accepted({}, { generation: 2 }), { kind: "disk-lost", cluster: "c1" }, started(0, "")],
    ],
    broken: [
      [accepted({}, { generation: 2 }), accepted({}, { generation: 1 })],
      [accepted({}, { generation: 2 }), started(1)],
      [accepted({}), accepted({}, { epoch: "e2" }), accepted({}, { generation: 9 })],
    ],
  },
  "R4: never shows an older report after a newer one": {
    promise: statusNeverFalls,
    kept: [
      [observed(1, 5), observed(1, 5), observed(2, 1)],
      [observed(1, 5), hubStarted("dev"), observed(1, 4)],
    ],
    broken: [
      [observed(1, 5), observed(1, 4)],
      [observed(2, 1), observed(1, 9)],
    ],
  },
  "R5: says that a bundle is applied only when all of it was live": {
    promise: appliedMeansWhole,
    kept: [[accepted({ web: target(["a"]) }), live("a", "v1"), live("a", undefined), reported]],
    broken: [
      [accepted({ web: target(["a", "b"]) }), live("a", "v1"), reported],
      [accepted({ web: target(["a"]) }), live("a", "v0"), reported],
    ],
  },
  "R6: heals what it has applied": {
    promise: driftIsHealed,
    kept: [
      [
        started(0),
        accepted({ web: target(["a"]) }),
        live("a", "v1"),
        reported,
        live("a", "x"),
        minute(1),
        live("a", "v1"),
        minute(9),
        reported,
      ],
      [
        started(0),
        accepted({ web: target(["a"]) }),
        live("a", "v1"),
        reported,
        { kind: "agent-killed", cluster: "c1" },
        live("a", "x"),
        minute(9),
        observed(1, 1),
      ],
    ],
    broken: [
      [
        started(0),
        accepted({ web: target(["a"]) }),
        live("a", "v1"),
        reported,
        live("a", "x"),
        minute(3),
        observed(1, 1),
      ],
      [
        started(0),
        accepted({ web: target(["a"]) }),
        live("a", "v1"),
        reported,
        live("a", undefined),
        minute(3),
        observed(1, 1),
      ],
    ],
  },
  "R7: keeps what it has acknowledged": {
    promise: decisionsSurvive,
    kept: [
      [acknowledged("dev"), hubStarted("dev")],
      [acknowledged("dev"), attempted("prod"), hubStarted("prod"), hubStarted("prod")],
      [acknowledged("dev"), restored, hubStarted("old")],
    ],
    broken: [
      [acknowledged("dev"), hubStarted("old")],
      [acknowledged("dev"), attempted("prod"), hubStarted("prod"), hubStarted("dev")],
    ],
  },
  "R14: gives a revoked cluster nothing": {
    promise: revokedGetsNothing,
    kept: [
      [{ kind: "revoked", cluster: "c1" }, gave],
      [{ kind: "revoked", cluster: "c1" }, minute(1), { kind: "accepted-again", cluster: "c1" }, gave],
    ],
    broken: [[{ kind: "revoked", cluster: "c1" }, minute(1), hubStarted("dev"), gave]],
  },
  "R17: touches nothing that is somebody else's": {
    promise: foreignObjectsStay,
    kept: [[wrote("a", { owner: "web" })], [wrote("a", { uid: "", owner: "" }), wrote("a", { uid: "u2", owner: "" })]],
    broken: [
      [wrote("a", { owner: "" })],
      [deleted("a", "")],
      [wrote("a", { uid: "", owner: "" }), deleted("a"), wrote("a", { uid: "u2", owner: "" })],
    ],
  },
  "R18: brings the newest to every agent": {
    promise: newestIsDelivered,
    kept: [[settled(["a"])]],
    broken: [[settled(["a"], 2)]],
  },
  "R19: does nothing when it is told the same again": {
    promise: repetitionChangesNothing,
    kept: [[wrote("a"), { kind: "repeating" }]],
    broken: [
      [{ kind: "repeating" }, wrote("a")],
      [{ kind: "repeating" }, deleted("a")],
    ],
  },
  "R20: comes to what Git says": {
    promise: everythingConverges,
    kept: [[settled(["a"])], [restored, settled(["a", "b"])]],
    broken: [[settled([])], [settled(["a", "b"])], [restored, settled([])]],
  },
  "R32: shows what has fallen silent as not known": {
    promise: silenceIsShown,
    kept: [[shown("current", 40_000)], [shown("offline", 90_000)]],
    broken: [[shown("current", 50_000)]],
  },
  "R33: follows no restored store before a person confirms it": {
    promise: restoreRollsNothingBack,
    kept: [[accepted({}), restored, { kind: "recovery-confirmed" }, accepted({}, { epoch: "e2" })]],
    broken: [[accepted({}), restored, accepted({}, { epoch: "e2" })]],
  },
  "goes on living": {
    promise: nobodyDies,
    kept: [[{ kind: "agent-killed", cluster: "c1" }]],
    broken: [[{ kind: "died", who: "hub", why: "it returned" }]],
  },
};

/** What a promise says of each fact of a history. */
function judge(promise: Invariant, history: readonly Step[]): readonly (string | undefined)[] {
  let at = 0;
  return history.map((step) => {
    if (!("minutes" in step)) return promise.check({ ...step, at });
    at += step.minutes * 60_000;
    return undefined;
  });
}

describe.each(Object.entries(cases))("the checker of %s", (_title, { promise, kept, broken }) => {
  it.each(kept.map((history, index) => ({ index, history })))(
    "lets a history pass that keeps it ($index)",
    ({ history }) => {
      expect(judge(promise(), history).filter((said) => said !== undefined)).toEqual([]);
    },
  );

  it.each(broken.map((history, index) => ({ index, history })))(
    "sees where a history breaks it ($index)",
    ({ history }) => {
      const said = judge(promise(), history);
      expect(said.at(-1)).toEqual(expect.any(String));
      expect(said.slice(0, -1).filter((one) => one !== undefined)).toEqual([]);
    },
  );
});
