import { describe, expect, it } from "vitest";

import {
  accepted,
  detached,
  firstEnrolment,
  isOutrun,
  issued,
  joined,
  locked,
  reasonToWait,
  recovered,
  recoveryLimit,
  recoveryRefusalOf,
  refusalOf,
  revoked,
  rotated,
  takenOver,
  used,
} from "./enrolment.ts";

const first = firstEnrolment("dev-1", 0);

describe("the enrolment of a cluster", () => {
  it("R31: lets the old certificate speak until the new one was used, and not after", () => {
    const joinedOnce = joined(first, "k1", 1);
    const renewed = issued(used(joinedOnce, 1, 2), 3);
    expect(refusalOf(renewed, 1)).toBeUndefined();
    expect(refusalOf(renewed, 2)).toBeUndefined();
    const taken = used(renewed, 2, 4);
    expect(refusalOf(taken, 1)).toMatchObject({ code: "unauthorized" });
    expect(refusalOf(taken, 2)).toBeUndefined();
  });

  it("lets both speak after an answer that was lost twice", () => {
    const renewed = issued(issued(joined(first, "k1", 1), 2), 3);
    for (const generation of [1, 2, 3]) expect(refusalOf(renewed, generation)).toBeUndefined();
  });

  it("takes certificates of hubs that did not count until one of this hub was used", () => {
    expect(refusalOf(first, 0)).toBeUndefined();
    expect(refusalOf(used(issued(first, 1), 1, 2), 0)).toMatchObject({ code: "unauthorized" });
  });

  it("lets a certificate that is to be replaced do nothing but fetch another one, with its key, as often as it takes", () => {
    const asked = rotated({ ...used(joined(first, "k1", 1), 1, 2), recoveries: recoveryLimit }, 3);
    expect(refusalOf(asked, 1)).toMatchObject({
      code: "unauthorized",
      hint: "its agent fetches another one by itself",
    });
    expect([recoveryRefusalOf(asked, 1, "k1"), isOutrun(asked, 1)]).toEqual([undefined, false]);
    expect(recoveryRefusalOf(asked, 1, "k2")).toMatchObject({ code: "unauthorized" });
    // The first answer was lost.
    const twice = recovered(recovered(asked, 1, 4), 1, 5);
    expect(twice).toMatchObject({ generation: 3, recoveries: recoveryLimit });
    const done = used(twice, 3, 6);
    expect(refusalOf(done, 3)).toBeUndefined();
    expect(recoveryRefusalOf(done, 1, "k1")).toMatchObject({ code: "unauthorized" });
    expect([isOutrun(done, 1), "rotating" in done, "rotating" in revoked(asked, "leaked", 7)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("R14: refuses every certificate of a revoked cluster, and the old ones also after it has joined again", () => {
    const gone = revoked(joined(first, "k1", 1), "the key leaked", 2);
    for (const generation of [0, 1, 2, 99]) {
      expect(refusalOf(gone, generation)).toMatchObject({
        code: "cluster_revoked",
        message: "cluster dev-1 was revoked: the key leaked",
      });
    }
    const back = joined(gone, "k1", 3);
    expect(refusalOf(back, 1)).toMatchObject({ code: "unauthorized" });
    expect(refusalOf(back, back.generation)).toBeUndefined();
  });

  it("E74: tells the late agent of a removed cluster, and lets it not speak for the next of its name", () => {
    const removed = detached(joined(first, "k1", 1), 2);
    expect(refusalOf(removed, 1)).toMatchObject({ code: "cluster_detached" });
    expect(recoveryRefusalOf(removed, 1, "k1")).toMatchObject({ code: "cluster_detached" });
    expect(refusalOf(joined(removed, "k1", 3), 1)).toMatchObject({ code: "unauthorized" });
  });

  it("goes on from a certificate that is newer than the backup that the record comes from", () => {
    const restored = used(joined(first, "k1", 1), 7, 2);
    expect(restored).toMatchObject({ generation: 7, oldest: 7 });
    expect(issued(restored, 3).generation).toBe(8);
  });

  it("R16: goes on with the run of the agent that was connected when another came, and with no other", () => {
    const renewed = used(issued(joined(first, "k1", 1), 2), 2, 3);
    expect(isOutrun(renewed, 1)).toBe(true);
    const two = locked(renewed, "run-a", 4);
    expect(refusalOf(two, 2, "run-a")).toBeUndefined();
    for (const [generation, run] of [
      [2, "run-b"],
      [1, "run-a"],
      [1, ""],
    ] as const) {
      expect(refusalOf(two, generation, run)).toMatchObject({ code: "cluster_locked" });
    }
    expect(recoveryRefusalOf(two, 2, "k1")).toMatchObject({ code: "cluster_locked" });
    expect(refusalOf(accepted(two, 5), 2, "run-b")).toBeUndefined();
  });

  it("does not take those for a second agent that a person or a join has ended", () => {
    const again = joined(used(issued(joined(first, "k1", 1), 2), 2, 3), "k2", 4);
    for (const generation of [0, 1, 2]) expect(isOutrun(again, generation)).toBe(false);
    expect(isOutrun(again, again.generation)).toBe(false);
  });
});

describe("a certificate that has ended", () => {
  const known = joined(first, "k1", 1);

  it("E61: is traded for a new one by the key that has joined, three times until a person had a look", () => {
    let enrolment = known;
    for (let count = 0; count < recoveryLimit; count += 1) {
      expect(recoveryRefusalOf(enrolment, enrolment.generation, "k1")).toBeUndefined();
      enrolment = recovered(enrolment, 1, 2);
    }
    expect(recoveryRefusalOf(enrolment, enrolment.generation, "k1")).toMatchObject({ code: "unauthorized" });
    expect(recoveryRefusalOf(accepted(enrolment, 3), enrolment.generation, "k1")).toBeUndefined();
  });

  it.each(["", "k2"])("is not by the key %j", (key) => {
    expect(recoveryRefusalOf(known, 1, key)).toMatchObject({ code: "unauthorized" });
  });

  it("is without a key where the agent has none, while no newer one was used", () => {
    const keyless = joined(first, "", 1);
    expect(recoveryRefusalOf(keyless, 1, "")).toBeUndefined();
    expect(recoveryRefusalOf(used(issued(keyless, 2), 2, 3), 1, "")).toMatchObject({ code: "unauthorized" });
  });

  it("brings nothing back for a revoked cluster, until a person accepts it", () => {
    const gone = revoked(known, "the key leaked", 2);
    expect(recoveryRefusalOf(gone, 1, "k1")).toMatchObject({ code: "cluster_revoked" });
    expect(recoveryRefusalOf(accepted(gone, 3), 1, "k1")).toBeUndefined();
  });
});

describe("a token", () => {
  const known = { uid: "u1", key: "k1", connected: true };

  it("lets in the first cluster of its name, and the agent that has joined already", () => {
    expect(reasonToWait({ uid: "", key: "", connected: false }, { uid: "u1", key: "k1" })).toBe("");
    expect(reasonToWait(known, { uid: "u1", key: "k1" })).toBe("");
  });

  it("E59: lets a cluster in that has lost its key, but not while an agent with the old one is connected", () => {
    expect(reasonToWait({ ...known, connected: false }, { uid: "u1", key: "k2" })).toBe("");
    expect(reasonToWait(known, { uid: "u1", key: "k2" })).toBe("an agent with another key is connected");
  });

  it("E59: lets no other cluster take a name over without a person", () => {
    for (const connected of [true, false]) {
      expect(reasonToWait({ ...known, connected }, { uid: "u2", key: "k1" })).toContain("it is another cluster");
    }
    const candidate = { uid: "u2", key: "k2", token: "t", sinceMs: 0, reason: "" };
    const taken = takenOver({ ...joined(first, "k1", 1), candidate }, candidate, 2);
    expect(taken).toMatchObject({ key: "k2", state: "accepted" });
    expect(taken.candidate).toBeUndefined();
    expect(refusalOf(taken, 1)).toMatchObject({ code: "unauthorized" });
    expect(recoveryRefusalOf(taken, 1, "k1")).toMatchObject({ code: "unauthorized" });
  });
});
