import { describe, expect, it } from "vitest";

import { cutOff, firstEnrolment, issued, joined, refusalOf, revoked, used } from "./enrolment.ts";

const first = firstEnrolment("dev-1", 0);

describe("the enrolment of a cluster", () => {
  it("R31: lets the old certificate speak until the new one was used, and not after", () => {
    const joinedOnce = joined(first, 1);
    const renewed = issued(used(joinedOnce, 1, 2), 3);
    expect(refusalOf(renewed, 1)).toBeUndefined();
    expect(refusalOf(renewed, 2)).toBeUndefined();
    const taken = used(renewed, 2, 4);
    expect(refusalOf(taken, 1)).toMatchObject({ code: "unauthorized" });
    expect(refusalOf(taken, 2)).toBeUndefined();
  });

  it("lets both speak after an answer that was lost twice", () => {
    const renewed = issued(issued(joined(first, 1), 2), 3);
    for (const generation of [1, 2, 3]) expect(refusalOf(renewed, generation)).toBeUndefined();
  });

  it("takes certificates of hubs that did not count until one of this hub was used", () => {
    expect(refusalOf(first, 0)).toBeUndefined();
    expect(refusalOf(used(issued(first, 1), 1, 2), 0)).toMatchObject({ code: "unauthorized" });
  });

  it("R14: refuses every certificate of a revoked cluster, and the old ones also after it has joined again", () => {
    const gone = revoked(joined(first, 1), "the key leaked", 2);
    for (const generation of [0, 1, 2, 99]) {
      expect(refusalOf(gone, generation)).toMatchObject({
        code: "cluster_revoked",
        message: "cluster dev-1 was revoked: the key leaked",
      });
    }
    const back = joined(gone, 3);
    expect(refusalOf(back, 1)).toMatchObject({ code: "unauthorized" });
    expect(refusalOf(back, back.generation)).toBeUndefined();
  });

  it("refuses what spoke for a removed cluster of the same name", () => {
    const removed = cutOff(joined(first, 1), 2);
    expect(refusalOf(removed, 1)).toMatchObject({ code: "unauthorized" });
    expect(refusalOf(joined(removed, 3), 1)).toMatchObject({ code: "unauthorized" });
  });

  it("goes on from a certificate that is newer than the backup that the record comes from", () => {
    const restored = used(joined(first, 1), 7, 2);
    expect(restored).toMatchObject({ generation: 7, oldest: 7 });
    expect(issued(restored, 3).generation).toBe(8);
  });
});
