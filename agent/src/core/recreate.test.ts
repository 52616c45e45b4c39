import { describe, expect, it } from "vitest";

import { judgeRecreate } from "./recreate.ts";

function annotated(apiVersion: string, kind: string, annotations: Record<string, string> = {}) {
  return { apiVersion, kind, metadata: { name: "it", annotations } };
}

describe("an object of which a fixed field changed", () => {
  const argo = "argocd.argoproj.io/sync-options";
  it.each([
    ["nothing said", {}, false, "keep"],
    ["the application opts in", {}, true, "recreate"],
    ["the object opts in", { "drover.dev/recreate": "true" }, false, "recreate"],
    ["the object opts out of what the application wants", { "drover.dev/recreate": "false" }, true, "keep"],
    ["as Flux says it", { "kustomize.toolkit.fluxcd.io/force": "enabled" }, false, "recreate"],
    ["as Flux forbids it", { "kustomize.toolkit.fluxcd.io/force": "disabled" }, true, "keep"],
    ["as Argo CD says it", { [argo]: "Prune=false, Force=true,Replace=true" }, false, "recreate"],
    ["only half of what Argo CD asks for", { [argo]: "Replace=true" }, false, "keep"],
    [
      "own word before a foreign one",
      { "drover.dev/recreate": "false", [argo]: "Force=true,Replace=true" },
      true,
      "keep",
    ],
  ] as const)("%s: %s, application %s → %s", (_, annotations, recreate, expected) => {
    expect(judgeRecreate(annotated("batch/v1", "Job", annotations), { recreate }).kind).toBe(expected);
  });

  it.each([
    ["v1", "PersistentVolumeClaim"],
    ["v1", "PersistentVolume"],
    ["v1", "Namespace"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
  ])("case 33: is never made anew when it is a %s %s, whoever opts in", (apiVersion, kind) => {
    const object = annotated(apiVersion, kind, { "drover.dev/recreate": "true" });
    const verdict = judgeRecreate(object, { recreate: true });
    expect(verdict).toMatchObject({ kind: "keep", remedy: expect.stringContaining(`a ${kind} is never deleted`) });
  });

  it("leaves the pods and claims of a StatefulSet, and of nothing else", () => {
    expect(judgeRecreate(annotated("apps/v1", "StatefulSet"), { recreate: true })).toMatchObject({
      propagation: "Orphan",
    });
    expect(judgeRecreate(annotated("apps/v1", "Deployment"), { recreate: true })).toMatchObject({
      propagation: "Background",
    });
  });
});
