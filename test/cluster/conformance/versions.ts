import { expect, it } from "vitest";

import { applyEntry } from "./apply.ts";
import { customResourceDefinition, job } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "none" };
const flatBackend = { serviceName: "web", servicePort: 80 };
const backend = { service: { name: "web", port: { number: 80 } } };

function autoscaler(version: string, spec: object): object {
  const base = { minReplicas: 2, maxReplicas: 3, scaleTargetRef };
  const apiVersion = `autoscaling/${version}`;
  return { apiVersion, kind: "HorizontalPodAutoscaler", metadata: { name: "a" }, spec: { ...base, ...spec } };
}

function ingress(apiVersion: string, path: object, spec: object = {}): object {
  const rules = [{ host: "a.example.org", http: { paths: [path] } }];
  return { apiVersion, kind: "Ingress", metadata: { name: "a" }, spec: { ...spec, rules } };
}

/** One object in several versions and groups. The older ones are those that 1.20 has. */
export function versions(api: ApiUnderTest): void {
  it("case 28: keeps one object and one entry of its applier when that moves to another version", async () => {
    const ns = await freshNamespace(api.client);
    const path = (version: string): string => ns.in(`/apis/autoscaling/${version}`)("horizontalpodautoscalers/a");
    const first = await api.client.apply(path("v1"), autoscaler("v1", { targetCPUUtilizationPercentage: 50 }));
    expect(first.status).toBe(201);
    const target = { type: "Utilization", averageUtilization: 60 };
    const metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
    const moved = await api.client.apply(path("v2beta2"), autoscaler("v2beta2", { metrics }));
    expect(moved).toMatchObject({ status: 200, body: { apiVersion: "autoscaling/v2beta2", spec: { metrics } } });
    expect(moved.body.metadata.uid).toBe(first.body.metadata.uid);
    expect(moved.body.metadata.managedFields).toHaveLength(1);
    expect(applyEntry(moved.body)).toMatchObject({
      apiVersion: "autoscaling/v2beta2",
      fieldsV1: { "f:spec": { "f:metrics": {} } },
    });
    const { body: asV1 } = await api.client.get(path("v1"));
    expect(asV1).toMatchObject({ apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: 60 } });
    expect(asV1.spec).not.toHaveProperty("metrics");
    const back = await api.client.apply(path("v1"), autoscaler("v1", { targetCPUUtilizationPercentage: 50 }));
    expect(back.body.spec).toMatchObject({ targetCPUUtilizationPercentage: 50 });
    expect(applyEntry(back.body)).toMatchObject({ apiVersion: "autoscaling/v1" });
  });

  it("case 29: serves an Ingress under both of its groups as the same object", async () => {
    const ns = await freshNamespace(api.client);
    const path = (apiVersion: string): string => ns.in(`/apis/${apiVersion}`)("ingresses/a");
    const [old, beta, current] = ["extensions/v1beta1", "networking.k8s.io/v1beta1", "networking.k8s.io/v1"] as const;
    const flat = { path: "/", backend: flatBackend };
    const first = await api.client.apply(path(old), ingress(old, flat, { backend: flatBackend }));
    expect(first).toMatchObject({ status: 201, body: { apiVersion: old, kind: "Ingress" } });
    const typed = { ...flat, pathType: "ImplementationSpecific" };
    expect(first.body.spec).toMatchObject({ backend: flatBackend, rules: [{ http: { paths: [typed] } }] });
    const { uid } = first.body.metadata;
    const second = await api.client.apply(path(beta), ingress(beta, flat, { backend: flatBackend }));
    expect(second).toMatchObject({ status: 200, body: { apiVersion: beta, metadata: { uid, generation: 1 } } });
    const exact = { path: "/", pathType: "Prefix", backend };
    const third = await api.client.apply(path(current), ingress(current, exact, { defaultBackend: backend }));
    expect(third).toMatchObject({ status: 200, body: { apiVersion: current, metadata: { uid, generation: 2 } } });
    expect(third.body.metadata.managedFields).toMatchObject([{ manager: "drover", apiVersion: current }]);
    expect((await api.client.get(path(old))).body).toMatchObject({
      apiVersion: old,
      metadata: { uid },
      spec: { backend: flatBackend, rules: [{ http: { paths: [{ ...flat, pathType: "Prefix" }] } }] },
    });
    await using watch = await api.client.watch(ns.in(`/apis/${old}`)("ingresses"), {
      resourceVersion: third.body.metadata.resourceVersion,
    });
    await api.client.delete(path(current));
    expect(await watch.next()).toMatchObject({ type: "DELETED", object: { apiVersion: old, metadata: { uid } } });
    expect(await api.client.get(path(old))).toMatchObject({ status: 404 });
  });

  it("refuses an Ingress of v1 without types of paths, which v1beta1 does without", async () => {
    const ns = await freshNamespace(api.client);
    const apiVersion = "networking.k8s.io/v1";
    const untyped = ingress(apiVersion, { path: "/", backend });
    expect(await api.client.apply(ns.in(`/apis/${apiVersion}`)("ingresses/a"), untyped)).toMatchObject({ status: 422 });
  });

  it.each([
    ["batch", "cronjobs", "CronJob", { schedule: "0 0 * * *", jobTemplate: { spec: job("x").spec } }],
    ["policy", "poddisruptionbudgets", "PodDisruptionBudget", { minAvailable: 1 }],
  ])("has %s/v1beta1, which 1.20 has instead of v1", async (group, resource, kind, spec) => {
    const ns = await freshNamespace(api.client);
    const apiVersion = `${group}/v1beta1`;
    const path = ns.in(`/apis/${apiVersion}`)(`${resource}/a`);
    const object = { apiVersion, kind, metadata: { name: "a" }, spec };
    const { status, body } = await api.client.apply(path, object);
    expect({ status, apiVersion: body.apiVersion, entry: applyEntry(body)?.apiVersion }).toEqual({
      status: 201,
      apiVersion,
      entry: apiVersion,
    });
    const again = await api.client.apply(path, object);
    expect(again.status).toBe(200);
    expect(applyEntry(again.body)).toEqual(applyEntry(body));
  });

  it("case 30: applies a custom object whose entry names a version that is no longer served, and fills in new defaults", async () => {
    const ns = await freshNamespace(api.client);
    const group = `${freshName("g")}.example.org`;
    const definition = customResourceDefinition({ group, plural: "widgets", kind: "Widget" });
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
    const schemaOf = (properties: object): object => ({
      openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } },
    });
    const size = { type: "integer" };
    const v1 = { name: "v1", served: true, storage: true, schema: schemaOf({ size }) };
    const v2 = { ...v1, name: "v2", schema: schemaOf({ size, colour: { type: "string", default: "red" } }) };
    const install = (versions: readonly object[]): Promise<unknown> =>
      api.client.apply(path, { ...definition, spec: { ...definition.spec, versions } });
    const widget = (version: string, spec: object): object => {
      return { apiVersion: `${group}/${version}`, kind: "Widget", metadata: { name: "a" }, spec };
    };
    const at = (version: string): string => ns.in(`/apis/${group}/${version}`)("widgets/a");
    await install([v1]);
    const create = async (): Promise<number> => (await api.client.apply(at("v1"), widget("v1", { size: 1 }))).status;
    const inTime = { timeout: 20_000, interval: 100 };
    await expect.poll(create, inTime).toBe(201);
    const { body: before } = await api.client.get(at("v1"));
    await install([{ ...v1, served: false, storage: false }, v2]);
    await expect.poll(async () => (await api.client.get(at("v1"))).status, inTime).toBe(404);
    await expect.poll(async () => (await api.client.get(at("v2"))).status, inTime).toBe(200);
    const { body: read } = await api.client.get(at("v2"));
    // Defaults are those of the version in which it is stored until somebody writes it again.
    expect(read).toMatchObject({ metadata: { uid: before.metadata.uid }, spec: { size: 1 } });
    const { status, body } = await api.client.apply(at("v2"), widget("v2", { size: 2 }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ metadata: { uid: before.metadata.uid }, spec: { size: 2, colour: "red" } });
    expect(applyEntry(body)).toMatchObject({ apiVersion: `${group}/v2`, fieldsV1: { "f:spec": { "f:size": {} } } });
  });
}
