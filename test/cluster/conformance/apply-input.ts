import { expect, it } from "vitest";

import { applyEntry } from "./apply.ts";
import { configMap, deployment, service } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

/** Manifests as people write them, and what the server makes of each when it is applied. */
export function applyInput(api: ApiUnderTest): void {
  const withResources = (limits: object): object => {
    const web = deployment("web", { replicas: 0 });
    const containers = [{ name: "main", image: "web:1", resources: { limits } }];
    const template = { metadata: { labels: { app: "web" } }, spec: { containers } };
    return { ...web, spec: { ...web.spec, template } };
  };

  it("keeps quantities that mean the same as one, and changes nothing when they are applied again", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const object = withResources({ cpu: "1000m", memory: "1024Mi" });
    const { body: first } = await api.client.apply(path, object);
    expect(first.spec).toMatchObject({
      template: { spec: { containers: [{ resources: { limits: { cpu: "1", memory: "1Gi" } } }] } },
    });
    const { body: again } = await api.client.apply(path, object);
    expect(again.metadata.generation).toBe(1);
    expect(again.spec).toEqual(first.spec);
  });

  it("takes a quantity in another spelling for another value in a conflict", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, withResources({ cpu: "1" }), { fieldManager: "other" });
    expect(await api.client.apply(path, withResources({ cpu: "1000m" }))).toMatchObject({ status: 409 });
    expect(await api.client.apply(path, withResources({ cpu: "1" }))).toMatchObject({ status: 200 });
  });

  it("records who wrote an empty list only where the server writes empty lists", async () => {
    const ns = await freshNamespace(api.client);
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "none" }, rules: [] };
    const { body: kept } = await api.client.post(ns.in("/apis/rbac.authorization.k8s.io/v1")("roles"), role);
    expect(kept.metadata.managedFields).toMatchObject([{ fieldsV1: { "f:rules": {} } }]);
    const spec = { rules: [], defaultBackend: { service: { name: "web", port: { number: 80 } } } };
    const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web" }, spec };
    const { body: left } = await api.client.post(ns.in("/apis/networking.k8s.io/v1")("ingresses"), ingress);
    expect(left.spec).not.toHaveProperty("rules");
    expect(left).not.toHaveProperty(["metadata", "managedFields", 0, "fieldsV1", "f:spec", "f:rules"]);
    expect(left).toHaveProperty(["metadata", "managedFields", 0, "fieldsV1", "f:spec", "f:defaultBackend"]);
  });

  it("takes a null creation time, as generators write it", async () => {
    const ns = await freshNamespace(api.client);
    const web = deployment("web", { replicas: 0, metadata: { creationTimestamp: null } });
    const { status, body } = await api.client.apply(ns.apps("deployments/web"), web);
    expect(status).toBe(201);
    expect(body.metadata.creationTimestamp).toMatch(/Z$/);
  });

  it("takes nulls and empty lists and maps for nothing", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const web = deployment("web", { replicas: 0 });
    const affinity = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
    const spec = {
      containers: [{ name: "main", image: "web:1", env: [], resources: {} }],
      affinity,
      tolerations: null,
    };
    const template = { metadata: { labels: { app: "web" }, annotations: {}, creationTimestamp: null }, spec };
    const object = { ...web, spec: { ...web.spec, template } };
    const { status, body: first } = await api.client.apply(path, object);
    expect(status).toBe(201);
    // Real servers own these all the same, and may write again and again for it; the embedded cluster does neither.
    const { body: again } = await api.client.apply(path, object);
    expect(again.metadata.generation).toBe(1);
    expect(again.spec).toEqual(first.spec);
    expect(again).not.toHaveProperty("spec.template.spec.tolerations");
    expect(again).not.toHaveProperty("spec.template.spec.containers.0.env");
    expect(again).toHaveProperty("spec.template.spec.containers.0.resources", {});
  });

  it("keeps a Secret's value that came as stringData when that is left out later", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("secrets/s");
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };
    const { body } = await api.client.apply(path, { ...secret, stringData: { k: "v", gone: "v" } });
    expect(body.data).toEqual({ k: btoa("v"), gone: btoa("v") });
    const later = await api.client.apply(path, { ...secret, stringData: { k: "v" } });
    expect(later.body.data).toEqual({ k: btoa("v"), gone: btoa("v") });
    // With data instead, what is left out is removed.
    await api.client.apply(path, { ...secret, data: { k: btoa("v"), gone: btoa("v") } });
    const data = await api.client.apply(path, { ...secret, data: { k: btoa("v") } });
    expect(data.body.data).toEqual({ k: btoa("v") });
  });

  it("refuses a manifest with managedFields even when they are empty", async () => {
    const ns = await freshNamespace(api.client);
    const object = configMap("a", {}, { managedFields: [] });
    expect(await api.client.apply(ns.core("configmaps/a"), object)).toMatchObject({ status: 400 });
  });

  it("drops the namespace of an object that belongs to none", async () => {
    const name = freshName("role");
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name, namespace: "default" },
      rules: [],
    };
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;
    const { status, body } = await api.client.apply(path, role);
    expect(status).toBe(201);
    expect(body.metadata).not.toHaveProperty("namespace");
  });

  it("finds names with colons, encoded or not", async () => {
    const name = `team:${freshName("role")}`;
    const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules };
    expect(await api.client.apply(`${path}/${encodeURIComponent(name)}`, role)).toMatchObject({ status: 201 });
    expect(await api.client.get(`${path}/${name}`)).toMatchObject({ status: 200, body: { metadata: { name } } });
  });

  it("refuses the name of a manager that is too long", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}), {
      fieldManager: "m".repeat(129),
    });
    expect([400, 422]).toContain(status);
    expect(body.message).toContain("fieldManager");
  });

  it("tells another process of the same name by the time of its entry", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: first } = await api.client.apply(path, configMap("a", { k: "1" }));
    const before = applyEntry(first);
    // Times are full seconds.
    const latest = async (): Promise<unknown> =>
      applyEntry((await api.client.apply(path, configMap("a", { k: freshName("v") }))).body);
    await expect.poll(latest, { timeout: 5_000 }).not.toEqual(before);
    expect(await latest()).toMatchObject({ fieldsV1: before?.fieldsV1 });
  });

  it("refuses a conflicting dry run like the real thing", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { k: "1" }), { fieldManager: "other" });
    const refused = await api.client.apply(path, configMap("a", { k: "2" }), { dryRun: "All" });
    expect(refused).toMatchObject({ status: 409, body: { details: { causes: [{ field: ".data.k" }] } } });
    const forced = await api.client.apply(path, configMap("a", { k: "2" }), { dryRun: "All", force: true });
    expect(forced).toMatchObject({ status: 200, body: { data: { k: "2" } } });
    expect((await api.client.get(path)).body.data).toEqual({ k: "1" });
  });

  it("loses nothing when several managers apply at the same time", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", {}));
    const managers = ["m1", "m2", "m3", "m4"];
    const answers = await Promise.all(
      managers.map((manager) => api.client.apply(path, configMap("a", { [manager]: "1" }), { fieldManager: manager })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await api.client.get(path)).body.data).toEqual({ m1: "1", m2: "1", m3: "1", m4: "1" });
  });

  it("keeps our entry when a client replaces the object without sending managedFields", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: applied } = await api.client.apply(
      path,
      configMap("a", { k: "1", l: "1" }, { labels: { own: "1" } }),
    );
    const { body } = await api.client.put(path, configMap("a", { k: "1", l: "2" }), { fieldManager: "writer" });
    expect(body.metadata.labels).toBeUndefined();
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:k": {} } });
    expect(applyEntry(body)?.time).toBe(applyEntry(applied)?.time);
  });

  it("keeps two ports of one number apart by their protocols", async () => {
    const ns = await freshNamespace(api.client);
    const ports = [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, protocol: "TCP" },
    ];
    const { status, body } = await api.client.apply(ns.core("services/dns"), service("dns", ports));
    expect({ status, spec: body.spec }).toMatchObject({ status: 201, spec: { ports } });
    const { body: one } = await api.client.apply(ns.core("services/dns"), service("dns", ports.slice(1)));
    expect(one.spec).toMatchObject({ ports: [{ name: "dns-tcp", port: 53, protocol: "TCP" }] });
    expect(one.spec["ports"]).toHaveLength(1);
  });

  it("removes a container that it applied, and keeps the order of the rest", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const withContainers = (...names: readonly string[]): object => {
      const web = deployment("web", { replicas: 0 });
      const containers = names.map((name) => ({ name, image: `${name}:1` }));
      return {
        ...web,
        spec: { ...web.spec, template: { metadata: { labels: { app: "web" } }, spec: { containers } } },
      };
    };
    await api.client.apply(path, withContainers("a", "b", "c"));
    const { body } = await api.client.apply(path, withContainers("c", "a"));
    const containers = expect.arrayContaining([
      expect.objectContaining({ name: "a" }),
      expect.objectContaining({ name: "c" }),
    ]);
    expect(body.spec).toMatchObject({ template: { spec: { containers } } });
    expect(body).toHaveProperty("spec.template.spec.containers.length", 2);
  });
}
