import { describe, expect, it } from "vitest";

import { judgePrune } from "./prune.ts";
import { createObjectRecord, type ObjectRecord } from "./record.ts";

function record(kind: string, fields: Partial<ObjectRecord> = {}): ObjectRecord {
  return { ...createObjectRecord({ group: "", kind, namespace: "", name: "x" }, "v1"), uid: "u1", ...fields };
}

const owner = { application: "shop", id: "owner-1" };
const self = { owner, manager: "drover" };
const labels = { "drover.dev/application": "shop", "drover.dev/owner": "owner-1" };
const ours = { metadata: { uid: "u1", resourceVersion: "7", labels } };
const deletion = { kind: "delete", uid: "u1", resourceVersion: "7", asks: false };

function annotated(annotations: Readonly<Record<string, string>>) {
  return { metadata: { ...ours.metadata, annotations } };
}

describe("prune", () => {
  it("deletes exactly the object that was applied, in the version that was looked at", () => {
    expect(judgePrune(record("ConfigMap"), ours, self)).toEqual(deletion);
  });

  it("takes the live uid when the agent died before it learned it", () => {
    expect(judgePrune(record("ConfigMap", { uid: "" }), ours, self)).toEqual(deletion);
  });

  it("deletes an object that was applied before there were owner ids", () => {
    const old = { metadata: { uid: "u1", labels: { "drover.dev/application": "shop" } } };
    expect(judgePrune(record("ConfigMap"), old, self).kind).toBe("delete");
    expect(judgePrune(record("ConfigMap", { uid: "" }), old, self).kind).toBe("release");
  });

  it("deletes what an agent made that was killed before it had written down that it did", () => {
    const managedFields = [{ manager: "drover", operation: "Apply", fieldsV1: {} }];
    const anew = { metadata: { ...ours.metadata, uid: "u2", managedFields } };
    expect(judgePrune(record("ConfigMap"), anew, self)).toEqual({ ...deletion, uid: "u2" });
  });

  it.each([
    ["an object of the same name that somebody made anew", { metadata: { ...ours.metadata, uid: "u2" } }],
    ["an object without our label", { metadata: { uid: "u1" } }],
    ["an object of another application", { metadata: { uid: "u1", labels: { "drover.dev/application": "other" } } }],
    ["an object of another agent's", { metadata: { uid: "u1", labels: { ...labels, "drover.dev/owner": "owner-2" } } }],
  ])("leaves %s", (_what, live) => {
    expect(judgePrune(record("ConfigMap"), live, self).kind).toBe("release");
  });

  it("waits for an object that is being deleted already, and says since when and for what", () => {
    const metadata = { ...ours.metadata, deletionTimestamp: "2026-01-02T03:04:05Z", finalizers: ["test/hold"] };
    const verdict = judgePrune(record("ConfigMap"), { metadata }, self);
    expect(verdict).toEqual({
      kind: "wait",
      message: "it is being deleted since 2026-01-02T03:04:05Z and waits for finalizers: test/hold",
    });
  });

  it("never deletes a namespace that was there before", () => {
    expect(judgePrune(record("Namespace"), ours, self)).toMatchObject({
      kind: "keep",
      reason: "NamespaceNotCreated",
    });
    expect(judgePrune(record("Namespace", { created: true }), ours, self)).toEqual(deletion);
  });

  it.each([
    ["drover.dev/prune", "disabled"],
    ["kustomize.toolkit.fluxcd.io/prune", "disabled"],
    ["helm.sh/resource-policy", "keep"],
    ["client.lifecycle.config.k8s.io/deletion", "detach"],
    ["cli-utils.sigs.k8s.io/on-remove", "keep"],
    ["argocd.argoproj.io/sync-options", "Prune=false"],
    ["argocd.argoproj.io/sync-options", "Replace=true, Delete=false"],
  ])("case 53: keeps what carries %s: %s", (name, value) => {
    const kept = { kind: "keep", reason: "KeepAnnotation" };
    expect(judgePrune(record("ConfigMap"), annotated({ [name]: value }), self)).toMatchObject(kept);
  });

  it("case 53: keeps what only its manifest said to keep", () => {
    expect(judgePrune(record("ConfigMap", { keep: true }), ours, self).kind).toBe("keep");
  });

  it.each(["Prune=true", "Prune=confirm", "Validate=false", ""])("deletes what says %s of it", (value) => {
    const verdict = judgePrune(record("x"), annotated({ "argocd.argoproj.io/sync-options": value }), self);
    expect(verdict).toEqual({ ...deletion, asks: value === "Prune=confirm" });
  });
});
