import { parseFieldPath } from "@drover/shared/kube/field-path";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it } from "vitest";

import { isYielded, yieldFields, yieldsByRule, yieldsToInjectors, yieldsToScaler } from "./yield.ts";

const key = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
const rule = { group: "*", kind: "", namespace: "", name: "", paths: ["spec.replicas"], managers: [] };
const path = (text: string) => parseFieldPath(text) ?? [];

function workload(spec: object): KubeObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec };
}

function live(replicas: number | undefined, owners: readonly string[]) {
  const managedFields = owners.map((manager) => ({ manager, fieldsV1: { "f:spec": { "f:replicas": {} } } }));
  return { metadata: { managedFields }, spec: replicas === undefined ? {} : { replicas } };
}

describe("ignore rules", () => {
  it("apply to the objects that they name, and to all that they do not rule out", () => {
    expect(yieldsByRule(key, [rule])).toHaveLength(1);
    expect(
      yieldsByRule(key, [{ ...rule, group: "apps", kind: "Deployment", namespace: "shop", name: "web" }]),
    ).toHaveLength(1);
    for (const other of [{ group: "" }, { kind: "Service" }, { namespace: "bank" }, { name: "api" }]) {
      expect(yieldsByRule(key, [{ ...rule, ...other }])).toEqual([]);
    }
  });

  it("cover a field and all below it, only while a named manager has it", () => {
    const all = yieldsByRule(key, [{ ...rule, paths: ["spec.template.spec.containers[name=web].resources"] }]);
    expect(isYielded(path("spec.template.spec.containers[name=web].resources.limits[cpu]"), [], all)).toBe(true);
    expect(isYielded(path("spec.template.spec.containers[name=api].resources"), [], all)).toBe(false);
    expect(isYielded(path("spec.template.spec.containers"), [], all)).toBe(false);
    const some = yieldsByRule(key, [{ ...rule, managers: ["keda"] }]);
    expect(isYielded(path("spec.replicas"), ["kubectl-edit"], some)).toBe(false);
    expect(isYielded(path("spec.replicas"), ["drover", "keda"], some)).toBe(true);
  });
});

describe("fields that are left to others", () => {
  const yields = yieldsByRule(key, [rule]);
  const sent = (desired: object, object: ReturnType<typeof live>, managers: readonly string[] = []) =>
    yieldFields(workload(desired), {
      live: object,
      yields: yields.map((one) => ({ ...one, managers })),
      manager: "drover",
    })["spec"];

  it("are not sent when somebody else has them", () => {
    expect(sent({ replicas: 2, paused: true }, live(7, ["drover", "scaler"]))).toEqual({ paused: true });
    expect(sent({}, live(7, ["drover", "scaler"]))).toEqual({});
  });

  it("case 27: keep the live value when only we have them, also when Git has just dropped them", () => {
    expect(sent({ replicas: 2 }, live(7, ["drover"]))).toEqual({ replicas: 7 });
    expect(sent({}, live(7, ["drover"]))).toEqual({ replicas: 7 });
    expect(sent({ replicas: 2 }, live(7, []))).toEqual({ replicas: 7 });
    expect(sent({}, live(7, []))).toEqual({});
    expect(sent({ replicas: 2 }, live(undefined, []))).toEqual({ replicas: 2 });
  });

  it("are Git's while none of the named managers has them", () => {
    expect(sent({ replicas: 2 }, live(7, ["kubectl-edit"]), ["scaler"])).toEqual({ replicas: 2 });
    expect(sent({ replicas: 2 }, live(7, ["scaler"]), ["scaler"])).toEqual({});
  });
});

describe("what is left to others without a rule", () => {
  const scaler = (apiVersion: string, kind: string, spec: object) => ({
    apiVersion,
    kind,
    metadata: { name: "s" },
    spec,
  });
  const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const pod = { template: { spec: { containers: [{ name: "web" }, { name: "sidecar" }] } } };

  it.each([
    ["autoscaling/v1", "HorizontalPodAutoscaler", { scaleTargetRef: target }],
    ["autoscaling/v2", "HorizontalPodAutoscaler", { scaleTargetRef: target }],
    ["keda.sh/v1alpha1", "ScaledObject", { scaleTargetRef: { name: "web" } }],
  ])("case 27: replicas to a %s %s", (apiVersion, kind, spec) => {
    const yields = yieldsToScaler(key, workload(pod), scaler(apiVersion, kind, spec));
    expect(yields).toEqual([{ path: path("spec.replicas"), managers: [], to: `${kind} s` }]);
  });

  it("resources of every container to a vertical autoscaler, and nothing to one of another workload", () => {
    const vertical = scaler("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", { targetRef: target });
    expect(yieldsToScaler(key, workload(pod), vertical)).toHaveLength(2);
    expect(yieldsToScaler({ ...key, name: "api" }, workload(pod), vertical)).toEqual([]);
    expect(yieldsToScaler({ ...key, kind: "StatefulSet" }, workload(pod), vertical)).toEqual([]);
    expect(yieldsToScaler(key, workload(pod), scaler("v1", "ConfigMap", { scaleTargetRef: target }))).toEqual([]);
  });

  it("caBundle to who injects it, where the object asks for that", () => {
    const hooks = { apiVersion: "v1", kind: "ValidatingWebhookConfiguration", webhooks: [{ name: "a.b.c" }] };
    const annotations = { "cert-manager.io/inject-ca-from": "ns/cert" };
    const hookKey = { ...key, kind: "ValidatingWebhookConfiguration" };
    expect(yieldsToInjectors(hookKey, { ...hooks, metadata: { name: "x", annotations } })).toEqual([
      { path: path("webhooks[name=a.b.c].clientConfig.caBundle"), managers: [], to: "cert-manager.io" },
    ]);
    expect(yieldsToInjectors(hookKey, { ...hooks, metadata: { name: "x" } })).toEqual([]);
  });
});
