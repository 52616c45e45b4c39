import { describe, expect, it } from "vitest";

import { lastApplied, migrateManagers } from "./migration.ts";

function entry(manager: string, operation: "Apply" | "Update", fieldsV1: object, more: object = {}) {
  return {
    manager,
    operation,
    apiVersion: "v1",
    time: "2026-01-01T00:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1,
    ...more,
  };
}

function live(managedFields: readonly object[], annotations: object = {}) {
  return { metadata: { managedFields, annotations } };
}

const data = (...names: readonly string[]) => ({
  "f:data": Object.fromEntries(names.map((name) => [`f:${name}`, {}])),
});
const desired = { data: { a: "1" } };
const options = { desired, manager: "drover" };

describe("migration of field managers", () => {
  it.each([
    ["kubectl-client-side-apply", "Update"],
    ["argocd-controller", "Apply"],
    ["argocd-application-controller", "Update"],
    ["kustomize-controller", "Apply"],
    ["helm", "Update"],
    ["helm-controller", "Apply"],
    ["configsync", "Apply"],
    ["kubectl", "Apply"],
  ] as const)("case 20: takes what %s owns by %s", (manager, operation) => {
    const merged = migrateManagers(live([entry(manager, operation, data("a", "old"))]), options);
    expect(merged).toEqual([entry("drover", "Apply", data("a", "old"))]);
  });

  it.each(["kubectl-edit", "kubectl-create", "kubectl-patch", "kubectl", "kube-controller-manager"])(
    "case 18: leaves what %s owns by Update",
    (manager) => {
      expect(migrateManagers(live([entry(manager, "Update", data("a", "theirs"))]), options)).toBeUndefined();
    },
  );

  it("takes an update by old kubectl only with the copy of what it applied", () => {
    const copied = live([entry("kubectl", "Update", data("a"))], { [lastApplied]: "{}" });
    expect(migrateManagers(copied, options)).toEqual([entry("drover", "Apply", data("a"))]);
  });

  it("adds to our own entry, and keeps everybody else's", () => {
    const ours = entry("drover", "Apply", data("a"), { time: "2026-02-02T00:00:00Z" });
    const edit = entry("kubectl-edit", "Update", data("e"));
    const merged = migrateManagers(live([edit, entry("helm", "Update", data("h")), ours]), options);
    expect(merged).toEqual([{ ...ours, fieldsV1: data("a", "h") }, edit]);
  });

  it("takes no status, no subresource, and not the annotation that goes", () => {
    const annotations = { "f:annotations": { [`f:${lastApplied}`]: {}, "f:note": {} } };
    const helm = entry("helm", "Update", { ...data("a"), "f:metadata": annotations, "f:status": { "f:ready": {} } });
    const status = entry("helm", "Update", { "f:status": {} }, { subresource: "status" });
    expect(migrateManagers(live([helm, status]), options)).toEqual([
      entry("drover", "Apply", { ...data("a"), "f:metadata": { "f:annotations": { "f:note": {} } } }),
      { ...helm, fieldsV1: { "f:status": { "f:ready": {} } } },
      status,
    ]);
  });

  it("case 22: takes of the made-up entry only what was applied", () => {
    const madeUp = entry("before-first-apply", "Update", data("a", "old", "theirs"));
    const ours = entry("drover", "Apply", data("a"));
    expect(migrateManagers(live([ours, madeUp]), options)).toEqual([
      ours,
      { ...madeUp, fieldsV1: data("old", "theirs") },
    ]);
    const copy = { [lastApplied]: JSON.stringify({ data: { a: "0", old: "0" } }) };
    expect(migrateManagers(live([ours, madeUp], copy), options)).toEqual([
      { ...ours, fieldsV1: data("a", "old") },
      { ...madeUp, fieldsV1: data("theirs") },
    ]);
  });

  it("has nothing to do once it was done", () => {
    const merged = migrateManagers(
      live([entry("helm", "Update", data("a")), entry("x", "Update", data("b"))]),
      options,
    );
    expect(migrateManagers({ metadata: { managedFields: merged } }, options)).toBeUndefined();
  });
});
