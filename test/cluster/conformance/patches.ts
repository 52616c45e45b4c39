import { expect, it } from "vitest";

import { configMap, deployment, service } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

/** JSON, merge and strategic merge patches. */
export function patches(api: ApiUnderTest): void {
  it("merges maps, replaces lists and removes nulls in a merge patch", async () => {
    const ns = await freshNamespace(api.client);
    const labels = { a: "1", b: "1" };
    await api.client.post(ns.core("configmaps"), configMap("a", { x: "1", y: "1" }, { labels }));
    const patch = { data: { x: "2", y: null, z: "3" }, metadata: { labels: { b: null } } };
    const { status, body } = await api.client.patch(ns.core("configmaps/a"), "merge", patch);
    expect(status).toBe(200);
    expect(body.data).toEqual({ x: "2", z: "3" });
    expect(body.metadata.labels).toEqual({ a: "1" });
  });

  it("does every operation of a JSON patch, in order", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(
      ns.core("configmaps"),
      configMap("a", { x: "1", y: "1" }, { annotations: { "e.org/n": "1" } }),
    );
    const { status, body } = await api.client.patch(ns.core("configmaps/a"), "json", [
      { op: "test", path: "/data/x", value: "1" },
      { op: "add", path: "/data/new", value: "a" },
      { op: "replace", path: "/data/x", value: "b" },
      { op: "copy", from: "/data/x", path: "/data/copied" },
      { op: "move", from: "/data/y", path: "/data/moved" },
      { op: "remove", path: "/metadata/annotations/e.org~1n" },
    ]);
    expect(status).toBe(200);
    expect(body.data).toEqual({ x: "b", new: "a", copied: "b", moved: "1" });
    expect(body.metadata.annotations ?? {}).toEqual({});
  });

  it("does nothing of a JSON patch of which one operation fails", async () => {
    const ns = await freshNamespace(api.client);
    const { body: before } = await api.client.post(ns.core("configmaps"), configMap("a", { x: "1" }));
    const path = ns.core("configmaps/a");
    const replace = { op: "replace", path: "/data/x", value: "2" };
    const failedTest = await api.client.patch(path, "json", [replace, { op: "test", path: "/data/x", value: "3" }]);
    expect(failedTest).toMatchObject({ status: 422, body: { reason: "Invalid" } });
    const missing = await api.client.patch(path, "json", [replace, { op: "remove", path: "/data/none" }]);
    expect(missing).toMatchObject({ status: 422, body: { reason: "Invalid" } });
    expect((await api.client.get(path)).body).toEqual(before);
  });

  it("refuses a patch that is none", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", { x: "1" }));
    expect(await api.client.patch(ns.core("configmaps/a"), "json", { op: "add" })).toMatchObject({ status: 400 });
    // 1.20 blames itself (500) for a merge patch that it cannot parse; newer servers the client.
    const { status } = await api.client.patch(ns.core("configmaps/a"), "merge", "[not json");
    expect([400, 500]).toContain(status);
  });

  it("answers a patch of an object that is not there with 404", async () => {
    const ns = await freshNamespace(api.client);
    for (const kind of ["merge", "strategic"] as const) {
      expect(await api.client.patch(ns.core("configmaps/a"), kind, { data: {} })).toMatchObject({ status: 404 });
    }
  });

  it("merges lists by key in a strategic merge patch", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "1" },
    ];
    await api.client.post(ns.apps("deployments"), deployment("web", { replicas: 0, env }));
    const main = {
      name: "main",
      image: "web:2",
      env: [
        { name: "B", $patch: "delete" },
        { name: "C", value: "3" },
      ],
    };
    const containers = [main, { name: "side", image: "side:1" }];
    const { status, body } = await api.client.patch(path, "strategic", {
      spec: { template: { spec: { containers } } },
    });
    expect(status).toBe(200);
    const patched = (body.spec as { template: { spec: { containers: { name: string; env?: unknown }[] } } }).template
      .spec;
    expect(patched.containers.map(({ name }) => name).sort()).toEqual(["main", "side"]);
    const after = patched.containers.find(({ name }) => name === "main");
    expect(after).toMatchObject({ image: "web:2", imagePullPolicy: "IfNotPresent" });
    expect(after?.env).toHaveLength(2);
    expect(after?.env).toEqual(
      expect.arrayContaining([
        { name: "A", value: "1" },
        { name: "C", value: "3" },
      ]),
    );
  });

  it("knows the directives replace, retainKeys and delete", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.post(ns.apps("deployments"), deployment("web", { replicas: 0, env: [{ name: "A", value: "1" }] }));
    const strategy = { $retainKeys: ["type"], type: "Recreate" };
    const containers = [{ name: "only", image: "web:3" }, { $patch: "replace" }];
    const labels = { $patch: "replace", app: "web", only: "1" };
    const { status, body } = await api.client.patch(path, "strategic", {
      spec: { strategy, template: { metadata: { labels }, spec: { containers } } },
    });
    expect(status).toBe(200);
    expect(body.spec).toMatchObject({ strategy: { type: "Recreate" } });
    expect(body.spec["strategy"]).not.toHaveProperty("rollingUpdate");
    expect(body.spec).toMatchObject({ template: { metadata: { labels: { app: "web", only: "1" } } } });
    expect(body.spec).toMatchObject({ template: { spec: { containers: [{ name: "only", image: "web:3" }] } } });
    const remove = await api.client.patch(path, "strategic", {
      spec: { template: { metadata: { labels: { $patch: "delete" } } } },
    });
    // The labels are gone, and with them what the selector asks for.
    expect(remove).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: "spec.template.metadata.labels" }] } },
    });
  });

  it("merges lists of plain values as sets and deletes from them", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.post(ns.core("configmaps"), configMap("a", {}, { finalizers: ["example.org/a"] }));
    const added = await api.client.patch(path, "strategic", { metadata: { finalizers: ["example.org/b"] } });
    expect([...(added.body.metadata.finalizers ?? [])].sort()).toEqual(["example.org/a", "example.org/b"]);
    const removed = await api.client.patch(path, "strategic", {
      metadata: { "$deleteFromPrimitiveList/finalizers": ["example.org/a"] },
    });
    expect(removed.body.metadata.finalizers).toEqual(["example.org/b"]);
    await api.client.patch(path, "merge", { metadata: { finalizers: null } });
  });

  it("merges Service ports by their number", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("services/web");
    await api.client.post(ns.core("services"), service("web", [{ name: "http", port: 80 }]));
    const ports = [{ name: "https", port: 443 }];
    const { body } = await api.client.patch(path, "strategic", { spec: { ports } });
    expect((body.spec["ports"] as { port: number }[]).map(({ port }) => port)).toEqual(
      expect.arrayContaining([80, 443]),
    );
  });

  it("leaves the resourceVersion alone when a patch changes nothing", async () => {
    const ns = await freshNamespace(api.client);
    const { body: before } = await api.client.post(ns.core("configmaps"), configMap("a", { x: "1" }));
    for (const kind of ["merge", "strategic"] as const) {
      const { body } = await api.client.patch(ns.core("configmaps/a"), kind, { data: { x: "1" } });
      expect(body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    }
  });

  it("refuses a merge patch with an old resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    const { body: before } = await api.client.post(ns.core("configmaps"), configMap("a", { x: "1" }));
    const { resourceVersion } = before.metadata;
    await api.client.patch(ns.core("configmaps/a"), "merge", { data: { x: "2" } });
    const late = { metadata: { resourceVersion }, data: { x: "3" } };
    const { status, body } = await api.client.patch(ns.core("configmaps/a"), "merge", late);
    expect(status).toBe(409);
    expect(body).toMatchObject({ reason: "Conflict" });
  });
}
