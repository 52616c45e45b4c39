import { describe, expect, it } from "vitest";

import { cold, describeContest, heatUp, repairDelayMs } from "./contest.ts";

describe("contest", () => {
  it("repairs at once for as long as it happens now and then", () => {
    let heat = cold;
    for (let minute = 0; minute < 100; minute += 1) {
      heat = heatUp(heat, minute * 60_000);
      expect(repairDelayMs(heat)).toBe(0);
    }
  });

  it("waits longer and longer in a fight, at most five minutes", () => {
    let heat = cold;
    const delays = Array.from({ length: 20 }, (_, second) => repairDelayMs((heat = heatUp(heat, second * 1000))));
    expect(delays.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(delays.toSorted((a, b) => a - b)).toEqual(delays);
    expect(delays.at(-1)).toBe(300_000);
  });

  it("E47: says who fights over what, and which rule would end it", () => {
    const key = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
    const drift = { paths: ["spec.replicas"], by: "scaler", foundAtMs: 0, repaired: false };
    expect(describeContest(key, drift, 1_500)).toBe(
      '"scaler" changes spec.replicas again and again; next repair in 2 s; to leave it to them, add ' +
        '{ kind: Deployment, name: web, paths: ["spec.replicas"] } to sync.ignore',
    );
    expect(describeContest(key, undefined, 300_000)).toBe("somebody changes it again and again; next repair in 300 s");
  });

  it("forgets a fight that has ended", () => {
    let heat = cold;
    for (let second = 0; second < 20; second += 1) heat = heatUp(heat, second * 1000);
    expect(repairDelayMs(heatUp(heat, 10 * 60_000))).toBe(0);
  });
});
