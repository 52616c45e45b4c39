import { describe, expect, it } from "vitest";

import { readHook } from "./hooks.ts";

function annotated(annotations: Readonly<Record<string, string>>) {
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name: "it", annotations } };
}

describe("what an object says about when it is run", () => {
  it.each([
    ["pre-install", { pre: "first" }],
    ["pre-upgrade", { pre: "later" }],
    ["pre-install,pre-upgrade", { pre: "any" }],
    ["post-install", { post: "first" }],
    ["post-install, post-upgrade", { post: "any" }],
    ["pre-install,post-upgrade", { pre: "first", post: "later" }],
    ["pre-upgrade,pre-rollback", { pre: "later" }],
    ["pre-delete", { "pre-delete": "any" }],
    ["post-delete", { "post-delete": "any" }],
  ])("Helm's %s", (events, stages) => {
    expect(readHook(annotated({ "helm.sh/hook": events }))).toEqual({ stages, weight: 0, deleteAfter: [] });
  });

  it.each([
    ["PreSync", { pre: "any" }],
    ["Sync", { main: "any" }],
    ["PostSync", { post: "any" }],
    ["SyncFail", { failure: "any" }],
    ["PreDelete", { "pre-delete": "any" }],
    ["PostDelete", { "post-delete": "any" }],
    ["PreSync,PostSync", { pre: "any", post: "any" }],
  ])("Argo CD's %s", (events, stages) => {
    expect(readHook(annotated({ "argocd.argoproj.io/hook": events }))).toEqual({ stages, weight: 0, deleteAfter: [] });
  });

  it.each([
    { "argocd.argoproj.io/hook": "Skip" },
    { "argocd.argoproj.io/hook": "constructor" },
    { "helm.sh/hook": "test" },
    { "helm.sh/hook": "test-success" },
    { "helm.sh/hook": "test-failure" },
    { "helm.sh/hook": "pre-rollback" },
    { "helm.sh/hook": "post-rollback" },
    { "helm.sh/hook": "unheard-of" },
  ])("is never applied: %o", (annotations) => {
    expect(readHook(annotated(annotations))).toBe("skip");
  });

  it.each([
    {},
    { "helm.sh/hook": "crd-install" },
    { "argocd.argoproj.io/sync-wave": "3" },
    { "helm.sh/hook-weight": "1" },
  ])("is no hook: %o", (annotations) => {
    expect(readHook(annotated(annotations))).toBeUndefined();
  });

  it.each([
    [{ "helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-5" }, -5],
    [{ "helm.sh/hook": "pre-install", "helm.sh/hook-weight": "much" }, 0],
    [{ "helm.sh/hook": "pre-install", "argocd.argoproj.io/sync-wave": "7" }, 0],
    [{ "argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": "7" }, 7],
  ])("%o weighs %i", (annotations, weight) => {
    expect(readHook(annotated(annotations))).toMatchObject({ weight });
  });

  it.each([
    [{ "helm.sh/hook": "pre-install", "helm.sh/hook-delete-policy": "before-hook-creation" }, []],
    [
      { "helm.sh/hook": "pre-install", "helm.sh/hook-delete-policy": "hook-succeeded,hook-failed" },
      ["success", "failure"],
    ],
    [{ "argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded" }, ["success"]],
    [{ "argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/hook-delete-policy": "HookFailed" }, ["failure"]],
  ])("%o is deleted after %j", (annotations, deleteAfter) => {
    expect(readHook(annotated(annotations))).toMatchObject({ deleteAfter });
  });

  it("has Argo CD's word count where it says both", () => {
    const both = { "helm.sh/hook": "post-install", "argocd.argoproj.io/hook": "PreSync" };
    expect(readHook(annotated(both))).toMatchObject({ stages: { pre: "any" } });
  });
});
