import { defaultSync } from "@drover/shared/sync-options";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { plan, type DesiredTarget } from "./plan.ts";
import type { TargetRecord } from "./target.ts";

const decide = { now: 100, removal: () => "no longer selected" };

function desired(cluster: string, bundle = "b1"): DesiredTarget {
  return {
    app: "web",
    cluster,
    declaredIn: ["config"],
    bundle,
    objects: 1,
    repository: "config",
    commit: "c1",
    namespace: "",
    createNamespace: false,
    sync: defaultSync,
    deletion: "uninstall",
    prune: true,
    seenAtMs: 1,
  };
}

function record(cluster: string, bundle = "b1", removal = ""): TargetRecord {
  return { ...desired(cluster, bundle), syncRequest: 3, confirmPrune: "", assignedAtMs: 5, removal };
}

describe("plan", () => {
  it("T31: keeps what was signed of a bundle for as long as the bundle is the same", () => {
    const signatures = [{ keyId: "k", cluster: "", expiresAtMs: 1, signature: "" }];
    const signed = { ...record("a"), signatures };
    const { put } = plan([{ ...desired("a"), namespace: "other" }], [signed], decide);
    expect(put).toMatchObject([{ signatures }]);
    expect(plan([desired("a", "b2")], [signed], decide).put[0]).not.toHaveProperty("signatures");
  });

  it("adds, changes and removes, and leaves alone what is as desired", () => {
    const result = plan(
      [desired("new"), desired("changed", "b2"), desired("same")],
      [record("changed"), record("same"), record("gone")],
      decide,
    );
    expect(result.changes).toEqual([
      { kind: "add", app: "web", cluster: "new" },
      { kind: "change", app: "web", cluster: "changed" },
      { kind: "remove", app: "web", cluster: "gone" },
    ]);
    expect(result.put.find((target) => target.cluster === "gone")?.removal).toBe("no longer selected");
    expect(result.put.find((target) => target.cluster === "changed")?.syncRequest).toBe(3);
  });

  it("changes nothing for a commit that leaves the bundle as it is", () => {
    expect(plan([{ ...desired("same"), commit: "c2" }], [record("same")], decide).put).toEqual([]);
  });

  it("brings a target back that was to be removed", () => {
    const result = plan([desired("back")], [record("back", "b1", "was unselected")], decide);
    expect(result.put).toEqual([
      { ...desired("back"), syncRequest: 3, confirmPrune: "", assignedAtMs: 100, removal: "" },
    ]);
  });

  it("is empty when it is made again after it was written", () => {
    const clusters = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"));
    fc.assert(
      fc.property(clusters, clusters, fc.constantFrom("b1", "b2"), (wanted, had, bundle) => {
        const want = wanted.map((cluster) => desired(cluster, bundle));
        const assigned = had.map((cluster) => record(cluster));
        const first = plan(want, assigned, decide);
        const written = new Map([...assigned, ...first.put].map((target) => [target.cluster, target]));
        expect(plan(want, [...written.values()], decide).put).toEqual([]);
        for (const target of assigned) expect(written.has(target.cluster)).toBe(true);
      }),
    );
  });
});
