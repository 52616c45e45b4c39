import { expect, it } from "vitest";

import { applyEntry } from "./apply.ts";
import { configMap, deployment, service } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

/** Several writers on one object: who owns which field, and what that means for the next apply. */
export function applyOwnership(api: ApiUnderTest): void {
  it("refuses to take a field from another applier, and names every field and its owner", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { x: "1", y: "1" }), { fieldManager: "other" });
    const { status, body } = await api.client.apply(path, configMap("a", { x: "2", y: "2", z: "2" }));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Failure",
      reason: "Conflict",
      code: 409,
      details: {
        causes: [
          {
            reason: "FieldManagerConflict",
            message: expect.stringContaining('conflict with "other"'),
            field: ".data.x",
          },
          {
            reason: "FieldManagerConflict",
            message: expect.stringContaining('conflict with "other"'),
            field: ".data.y",
          },
        ],
      },
    });
    expect(body.message).toMatch(/^Apply failed with 2 conflicts: conflicts with "other"/);
    expect((await api.client.get(path)).body.data).toEqual({ x: "1", y: "1" });
  });

  it("names a list item in a conflict by its key", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, deployment("web", { replicas: 0, image: "web:1" }), { fieldManager: "other" });
    const { status, body } = await api.client.apply(path, deployment("web", { replicas: 0, image: "web:2" }));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      message: expect.stringContaining("Apply failed with 1 conflict: conflict with"),
      details: {
        causes: [{ reason: "FieldManagerConflict", field: '.spec.template.spec.containers[name="main"].image' }],
      },
    });
  });

  it("takes the field by force, and the other applier's entry loses it", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { x: "1", y: "1" }), { fieldManager: "other" });
    const { status, body } = await api.client.apply(path, configMap("a", { x: "2" }), { force: true });
    expect({ status, data: body.data }).toEqual({ status: 200, data: { x: "2", y: "1" } });
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:x": {} } });
    expect(applyEntry(body, "other")?.fieldsV1).toEqual({ "f:data": { "f:y": {} } });
  });

  it("shares a field that two appliers agree on, and keeps it until both have dropped it", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { shared: "1" }), { fieldManager: "other" });
    const { status } = await api.client.apply(path, configMap("a", { shared: "1", own: "1" }));
    expect(status).toBe(200);
    const dropped = await api.client.apply(path, configMap("a", { own: "1" }));
    expect(dropped.body.data).toEqual({ shared: "1", own: "1" });
    expect(applyEntry(dropped.body)?.fieldsV1).toEqual({ "f:data": { "f:own": {} } });
    const gone = await api.client.apply(path, { ...configMap("a", {}), data: undefined }, { fieldManager: "other" });
    expect(gone.body.data).toEqual({ own: "1" });
  });

  it("keeps fields and list items that others added", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const web = deployment("web", { replicas: 0, env: [{ name: "A", value: "1" }], metadata: { labels: { a: "1" } } });
    await api.client.apply(path, web);
    const containers = [
      { name: "main", env: [{ name: "ADDED", value: "x" }] },
      { name: "sidecar", image: "s:1" },
    ];
    const foreign = { metadata: { labels: { b: "2" } }, spec: { template: { spec: { containers } } } };
    await api.client.patch(path, "strategic", foreign, { fieldManager: "injector" });
    const { body } = await api.client.apply(path, web, { force: true });
    expect(body.metadata.labels).toEqual({ a: "1", b: "2" });
    const template = expect.objectContaining({
      spec: expect.objectContaining({
        containers: expect.arrayContaining([
          expect.objectContaining({
            name: "main",
            env: expect.arrayContaining([
              { name: "A", value: "1" },
              { name: "ADDED", value: "x" },
            ]),
          }),
          expect.objectContaining({ name: "sidecar", image: "s:1" }),
        ]),
      }),
    });
    expect(body.spec).toMatchObject({ template });
  });

  it.each(["strategic", "merge"] as const)(
    "loses a field to a %s patch of its value, and takes it back by force",
    async (kind) => {
      const ns = await freshNamespace(api.client);
      const path = ns.core("configmaps/a");
      await api.client.apply(path, configMap("a", { x: "1", y: "1" }));
      const edited = await api.client.patch(path, kind, { data: { x: "edited" } }, { fieldManager: "kubectl-edit" });
      expect(applyEntry(edited.body)?.fieldsV1).toEqual({ "f:data": { "f:y": {} } });
      expect(edited.body.metadata.managedFields).toContainEqual(
        expect.objectContaining({
          manager: "kubectl-edit",
          operation: "Update",
          fieldsV1: { "f:data": { "f:x": {} } },
        }),
      );
      const refused = await api.client.apply(path, configMap("a", { x: "1", y: "1" }));
      expect(refused).toMatchObject({ status: 409, body: { details: { causes: [{ field: ".data.x" }] } } });
      expect(refused.body.message).toContain('conflict with "kubectl-edit" using v1');
      const { body } = await api.client.apply(path, configMap("a", { x: "1", y: "1" }), { force: true });
      expect(body.data).toEqual({ x: "1", y: "1" });
      expect(body.metadata.managedFields).toHaveLength(1);
      expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:x": {}, "f:y": {} } });
    },
  );

  it("loses a field to a replacement with another value, and nothing to one with the same values", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: applied } = await api.client.apply(path, configMap("a", { x: "1", y: "1" }));
    const same = await api.client.put(path, applied, { fieldManager: "editor" });
    expect(applyEntry(same.body)).toEqual(applyEntry(applied));
    const changed = { ...applied, data: { x: "2", y: "1" } };
    const { body } = await api.client.put(path, changed, { fieldManager: "editor" });
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:y": {} } });
  });

  it("loses a field that somebody removes, and brings it back without force", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const object = configMap("a", { x: "1", y: "1" }, { labels: { own: "1" } });
    await api.client.apply(path, object);
    const removed = await api.client.patch(path, "merge", { data: { x: null }, metadata: { labels: { own: null } } });
    expect(removed.body.data).toEqual({ y: "1" });
    expect(applyEntry(removed.body)?.fieldsV1).toMatchObject({ "f:data": { "f:y": {} } });
    expect(JSON.stringify(applyEntry(removed.body))).not.toContain("f:own");
    const { status, body } = await api.client.apply(path, object);
    expect({ status, data: body.data, labels: body.metadata.labels }).toEqual({
      status: 200,
      data: { x: "1", y: "1" },
      labels: { own: "1" },
    });
  });

  it("keeps its entry, to the second, when others write fields that it does not own", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: applied } = await api.client.apply(path, configMap("a", { x: "1" }));
    const { body } = await api.client.patch(path, "merge", { metadata: { annotations: { foreign: "1" } } });
    expect(applyEntry(body)).toEqual(applyEntry(applied));
    expect(body.metadata.resourceVersion).not.toBe(applied.metadata.resourceVersion);
  });

  it("records who created an object by other means than applying, and with which fields", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", { x: "1" }), { fieldManager: "made-by" });
    const { body } = await api.client.get(ns.core("configmaps/a"));
    expect(body.metadata.managedFields).toMatchObject([
      { manager: "made-by", operation: "Update", apiVersion: "v1", fieldsV1: { "f:data": { "f:x": {} } } },
    ]);
  });

  it("forgets owners when a client strips managedFields, and owns again after the next apply", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { x: "1" }));
    const { body: stripped } = await api.client.patch(path, "merge", { metadata: { managedFields: [{}] } });
    expect(applyEntry(stripped)).toBeUndefined();
    const { status, body } = await api.client.apply(path, configMap("a", { x: "1" }), { force: true });
    expect(status).toBe(200);
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:x": {} } });
  });

  it("adds `before-first-apply` for what an unmanaged object had", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.post(ns.core("configmaps"), configMap("a", { old: "1" }));
    await api.client.patch(path, "merge", { metadata: { managedFields: [{}] } });
    const { body } = await api.client.apply(path, configMap("a", { x: "1" }));
    expect(body.data).toEqual({ old: "1", x: "1" });
    expect(body.metadata.managedFields?.map(({ manager }) => manager).sort()).toEqual(["before-first-apply", "drover"]);
  });

  it("lets managers' entries be rewritten with a JSON patch, guarded by a test of the resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: created } = await api.client.post(ns.core("configmaps"), configMap("a", { old: "1", x: "1" }), {
      fieldManager: "kubectl-client-side-apply",
    });
    const [entry] = created.metadata.managedFields ?? [];
    const rewritten = [{ ...entry, manager: "drover", operation: "Apply" }];
    const patch = (resourceVersion: string): readonly object[] => [
      { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
      { op: "replace", path: "/metadata/managedFields", value: rewritten },
    ];
    const stale = await api.client.patch(path, "json", patch("1"));
    expect(stale.status).toBe(422);
    const { status } = await api.client.patch(path, "json", patch(created.metadata.resourceVersion));
    expect(status).toBe(200);
    const { body } = await api.client.apply(path, configMap("a", { x: "1" }));
    expect(body.data).toEqual({ x: "1" });
    expect(body.metadata.managedFields).toHaveLength(1);
  });

  it("cannot heal an edited list key by force alone: the item is there twice", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("services/web");
    const desired = service("web", [{ name: "http", port: 80, protocol: "TCP" }]);
    await api.client.apply(path, desired);
    const edit = [{ op: "replace", path: "/spec/ports/0/port", value: 90 }];
    const edited = await api.client.patch(path, "json", edit, { fieldManager: "kubectl-edit" });
    expect(edited.body.spec).toMatchObject({ ports: [{ name: "http", port: 90 }] });
    const { status, body } = await api.client.apply(path, desired, { force: true });
    expect(status).toBe(422);
    expect(body).toMatchObject({ reason: "Invalid", details: { causes: [{ reason: "FieldValueDuplicate" }] } });
  });

  it("owns an empty map that it applies", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", {}, { annotations: {} }));
    const { body } = await api.client.apply(path, configMap("a", { x: "1" }));
    expect(applyEntry(body)?.fieldsV1).toMatchObject({ "f:data": { "f:x": {} } });
  });

  it("owns through the scale subresource what that changes", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const { body: applied } = await api.client.apply(path, deployment("web", { replicas: 0 }));
    const scaled = await api.client.patch(`${path}/scale`, "merge", { spec: { replicas: 1 } }, { fieldManager: "hpa" });
    expect(scaled).toMatchObject({ status: 200, body: { kind: "Scale", spec: { replicas: 1 } } });
    const { body } = await api.client.get(path);
    expect(body.spec).toMatchObject({ replicas: 1 });
    expect(body.metadata.generation).toBe(2);
    // Before 1.22 the scale subresource leaves managedFields alone; since then it takes the field away.
    const fields = JSON.stringify(applyEntry(body)?.fieldsV1);
    const before = JSON.stringify(applyEntry(applied)?.fieldsV1);
    expect([before, before.replace('"f:replicas":{},', "")]).toContain(fields);
    const healed = await api.client.apply(path, deployment("web", { replicas: 0 }), { force: true });
    expect(healed.body.spec).toMatchObject({ replicas: 0 });
  });
}
