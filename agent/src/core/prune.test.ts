import { describe, expect, it } from "vitest";

import { abandonReason, judgePrune } from "./prune.ts";
import { createObjectRecord, type ObjectRecord } from "./record.ts";

function record(kind: string, fields: Partial<ObjectRecord> = {}): ObjectRecord {
  return { ...createObjectRecord({ group: "", kind, namespace: "", name: "x" }, "v1"), uid: "u1", ...fields };
}

const owner = { application: "shop", id: "owner-1" };
const labels = { "drover.dev/application": "shop", "drover.dev/owner": "owner-1" };
const ours = { metadata: { uid: "u1", labels } };

describe("prune", () => {
  it("deletes exactly the object that was applied", () => {
    expect(judgePrune(record("ConfigMap"), ours, owner)).toEqual({ kind: "delete", uid: "u1" });
  });

  it("takes the live uid when the agent died before it learned it", () => {
    expect(judgePrune(record("ConfigMap", { uid: "" }), ours, owner)).toEqual({ kind: "delete", uid: "u1" });
  });

  it("deletes an object that was applied before there were owner ids", () => {
    const old = { metadata: { uid: "u1", labels: { "drover.dev/application": "shop" } } };
    expect(judgePrune(record("ConfigMap"), old, owner)).toEqual({ kind: "delete", uid: "u1" });
    expect(judgePrune(record("ConfigMap", { uid: "" }), old, owner).kind).toBe("release");
  });

  it.each([
    ["an object of the same name that somebody made anew", { metadata: { ...ours.metadata, uid: "u2" } }],
    ["an object without our label", { metadata: { uid: "u1" } }],
    ["an object of another application", { metadata: { uid: "u1", labels: { "drover.dev/application": "other" } } }],
    ["an object of another agent's", { metadata: { uid: "u1", labels: { ...labels, "drover.dev/owner": "owner-2" } } }],
  ])("leaves %s", (_what, live) => {
    expect(judgePrune(record("ConfigMap"), live, owner).kind).toBe("release");
  });

  it("waits for an object that is being deleted already", () => {
    const live = { metadata: { ...ours.metadata, deletionTimestamp: "now" } };
    expect(judgePrune(record("ConfigMap"), live, owner)).toEqual({ kind: "wait" });
  });

  it("never deletes a namespace that was there before", () => {
    expect(abandonReason(record("Namespace"), { prune: true })).toBe("NamespaceNotCreated");
    expect(abandonReason(record("Namespace", { created: true }), { prune: true })).toBe("");
    expect(abandonReason(record("ConfigMap"), { prune: true })).toBe("");
  });

  it("deletes nothing when the assignment says so", () => {
    expect(abandonReason(record("ConfigMap"), { prune: false })).toBe("PruneDisabled");
  });
});
