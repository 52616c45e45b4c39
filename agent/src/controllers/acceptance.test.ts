import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Assignment, Assignments, SignedAssignments } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { defaultSync } from "@drover/shared/sync-options";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemDisk } from "../store/disk.ts";
import { openAcceptance, type Acceptance } from "./acceptance.ts";

function assignment(application: string): Assignment {
  return {
    application,
    bundle: `bundle of ${application}`,
    repository: "",
    commit: "",
    namespace: "",
    createNamespace: false,
    prune: true,
    seenAtMs: 0,
    syncRequest: 0,
    sync: defaultSync,
    confirmPrune: "",
  };
}

function sign(assignments: Partial<Assignments>, keyId = "good"): SignedAssignments {
  const common = { cluster: "c1", clusterUid: "u1", epoch: "e1", generation: 1, history: [] };
  const whole: Assignments = { ...common, issuedAtMs: 0, freshForMs: 0, targets: [], tombstones: [] };
  const payload = new TextEncoder().encode(JSON.stringify({ ...whole, ...assignments }));
  return { payload, signature: new Uint8Array(), keyId };
}

function verify(signed: SignedAssignments): Assignments {
  if (signed.keyId !== "good") throw new DroverError("signature_invalid", "bad signature");
  return JSON.parse(new TextDecoder().decode(signed.payload)) as Assignments;
}

describe("acceptance", () => {
  let folder = "";
  let changes = 0;
  let changedLast: readonly string[] = [];
  let confirmed: number[] = [];
  let freeze: string | undefined;
  beforeEach(async () => {
    freeze = undefined;
    folder = await mkdtemp(join(tmpdir(), "drover-accept-"));
    changes = 0;
    confirmed = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const open = (): Promise<Acceptance> =>
    openAcceptance({
      disk: systemDisk,
      path: join(folder, "accepted.json"),
      audience: () => ({ cluster: "c1", clusterUid: "u1" }),
      verify,
      frozen: () => freeze,
      clock: new FakeClock(5),
      log: silentLog,
      changed: (names) => {
        changes += 1;
        changedLast = names;
      },
      confirmed: (beat) => confirmed.push(beat.generation),
    });

  it("has what it took on the disk before it says so", async () => {
    const acceptance = await open();
    const answer = await acceptance.accept(sign({ generation: 7, targets: [assignment("shop")] }));
    expect(answer).toEqual({ epoch: "e1", generation: 7 });
    const restarted = await open();
    expect(restarted.generation).toBe(7);
    expect(restarted.intent("shop")).toMatchObject({ kind: "run", assignment: { bundle: "bundle of shop" } });
  });

  it("takes the same generation again without acting on it again: it only confirms what is held", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 7 }));
    expect((await acceptance.accept(sign({ generation: 7, issuedAtMs: 99 }))).refusal).toBeUndefined();
    expect(changes).toBe(1);
    expect(confirmed).toEqual([7, 7]);
  });

  it.each([
    ["of an older generation", sign({ generation: 6 }), "assignment_refused"],
    ["for another cluster", sign({ generation: 8, cluster: "c2" }), "assignment_refused"],
    ["T23: for another cluster of its name", sign({ generation: 8, clusterUid: "u2" }), "assignment_refused"],
    ["T30: of the same generation with other content", sign({ generation: 7 }), "assignment_refused"],
    ["T30: that leaves no room for others", sign({ generation: 1_000_008 }), "assignment_refused"],
    ["T30: of generation 2^53", sign({ generation: 2 ** 53 }), "assignment_refused"],
    ["with a bad signature", sign({ generation: 8 }, "bad"), "signature_invalid"],
  ])("refuses an envelope %s and stays as it is", async (_what, signed, code) => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 7, targets: [assignment("shop")] }));
    expect((await acceptance.accept(signed)).refusal?.code).toBe(code);
    expect(confirmed).toEqual([7]);
    expect(acceptance.generation).toBe(7);
    expect(acceptance.intent("shop").kind).toBe("run");
    expect(changes).toBe(1);
  });

  it("takes any generation of a new epoch: the hub's store was restored", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 700 }));
    expect((await acceptance.accept(sign({ generation: 1, epoch: "e2" }))).refusal).toBeUndefined();
    expect(acceptance.epoch).toBe("e2");
  });

  it("refuses an epoch that it has left, over restarts: what was genuine once is replayed", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 700 }));
    await acceptance.accept(sign({ generation: 1, epoch: "e2", targets: [assignment("shop")] }));
    const replayed = sign({
      generation: 900,
      tombstones: [{ application: "shop", reason: "", detach: false, confirmPrune: "" }],
    });
    expect((await acceptance.accept(replayed)).refusal?.code).toBe("assignment_refused");
    const restarted = await open();
    expect((await restarted.accept(replayed)).refusal?.code).toBe("assignment_refused");
    expect([restarted.epoch, restarted.generation, restarted.intent("shop").kind]).toEqual(["e2", 1, "run"]);
    await restarted.accept(sign({ epoch: "e3" }));
    const older = await Promise.all(["e1", "e2"].map((epoch) => restarted.accept(sign({ epoch, generation: 901 }))));
    expect(older.map(({ refusal }) => refusal?.code)).toEqual(["assignment_refused", "assignment_refused"]);
  });

  it("T30: refuses what counts on from another generation than the accepted one, as far back as it tells", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 7, history: ["seven", "six"] }));
    const forked = await acceptance.accept(sign({ generation: 8, history: ["8", "other", "six"] }));
    expect(forked.refusal).toMatchObject({
      code: "assignment_refused",
      message: expect.stringContaining("two count on"),
    });
    const restarted = await open();
    expect((await restarted.accept(sign({ generation: 9, history: ["9", "8", "other"] }))).refusal).toBeDefined();
    expect((await restarted.accept(sign({ generation: 9, history: ["9", "8", "seven"] }))).refusal).toBeUndefined();
    // No hub remembers more than a few; and one of an earlier version tells nothing.
    expect((await restarted.accept(sign({ generation: 30, history: ["30", "29"] }))).refusal).toBeUndefined();
    expect((await restarted.accept(sign({ generation: 31 }))).refusal).toBeUndefined();
  });

  it("R33: refuses an epoch that was issued before what it has accepted, also one that it never saw", async () => {
    const acceptance = await open();
    const minute = 60_000;
    await acceptance.accept(sign({ generation: 7, issuedAtMs: 5 }));
    const clocksDiffer = sign({ epoch: "e2", issuedAtMs: 5 - 4 * minute });
    expect((await acceptance.accept(clocksDiffer)).refusal).toBeUndefined();
    const before = sign({ epoch: "e0", generation: 9, issuedAtMs: 5 - 6 * minute });
    expect((await (await open()).accept(before)).refusal?.message).toContain("was issued before");
  });

  it("R22: is not kept from news for ever by a hub whose clock once ran a year ahead", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 7, issuedAtMs: 365 * 86_400_000 }));
    expect((await acceptance.accept(sign({ generation: 8, issuedAtMs: 5 }))).refusal).toBeUndefined();
    expect((await acceptance.accept(sign({ epoch: "e2", issuedAtMs: 10 }))).refusal).toBeUndefined();
  });

  it("takes nothing new while the cluster's policy says freeze, and says so", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 7, targets: [assignment("shop")] }));
    freeze = "the cluster's policy says freeze";
    expect((await acceptance.accept(sign({ generation: 8 }))).refusal?.code).toBe("cluster_frozen");
    expect((await acceptance.accept(sign({ epoch: "e2" }))).refusal?.code).toBe("cluster_frozen");
    expect((await acceptance.accept(sign({ generation: 7, targets: [assignment("shop")] }))).refusal).toBeUndefined();
    expect([acceptance.epoch, acceptance.generation]).toEqual(["e1", 7]);
    freeze = undefined;
    expect((await acceptance.accept(sign({ generation: 8 }))).refusal).toBeUndefined();
  });

  it("keeps what is absent, over restarts and epochs, until a tombstone names it", async () => {
    const acceptance = await open();
    await acceptance.accept(sign({ generation: 1, targets: [assignment("shop"), assignment("other")] }));
    await acceptance.accept(sign({ generation: 2, targets: [assignment("other")] }));
    expect(acceptance.intent("shop").kind).toBe("keep");
    await acceptance.accept(sign({ generation: 1, epoch: "e2", targets: [] }));
    const restarted = await open();
    expect(restarted.intent("shop").kind).toBe("keep");
    expect(restarted.intent("other").kind).toBe("keep");
    await restarted.accept(
      sign({
        generation: 2,
        epoch: "e2",
        tombstones: [{ application: "shop", reason: "", detach: false, confirmPrune: "" }],
      }),
    );
    expect(restarted.intent("shop").kind).toBe("remove");
    expect(restarted.intent("other").kind).toBe("keep");
    expect(restarted.intent("never seen").kind).toBe("unknown");
  });

  it("tells of the applications that something new is said of, and of each removal: its report counts for a generation", async () => {
    const acceptance = await open();
    const tombstones = [{ application: "gone", reason: "", detach: false, confirmPrune: "" }];
    await acceptance.accept(sign({ generation: 1, targets: [assignment("same"), assignment("shop")], tombstones }));
    expect(changedLast).toEqual(["same", "shop", "gone"]);
    const shop = { ...assignment("shop"), confirmPrune: "token" };
    await acceptance.accept(sign({ generation: 2, targets: [assignment("same"), shop], tombstones }));
    expect(changedLast).toEqual(["shop", "gone"]);
    await acceptance.accept(sign({ generation: 3, targets: [assignment("same")] }));
    expect(changedLast).toEqual(["shop", "gone"]);
    await acceptance.accept(sign({ generation: 1, epoch: "e2", targets: [assignment("same"), assignment("new")] }));
    expect(changedLast).toEqual(["new"]);
  });

  it("takes nothing from a file that is not genuine any more", async () => {
    await (await open()).accept(sign({ generation: 7, targets: [assignment("shop")] }));
    const acceptance = await openAcceptance({
      disk: systemDisk,
      path: join(folder, "accepted.json"),
      audience: () => ({ cluster: "c1", clusterUid: "u1" }),
      frozen: () => undefined,
      verify: () => {
        throw new DroverError("signature_invalid", "the hub has another key");
      },
      clock: new FakeClock(),
      log: silentLog,
      changed: () => undefined,
      confirmed: () => undefined,
    });
    expect(acceptance.generation).toBe(0);
    expect(acceptance.intent("shop").kind).toBe("unknown");
  });
});
