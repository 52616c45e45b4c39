import { expect, it } from "vitest";

import type { ApiBody } from "./api-client.ts";
import { applyEntry } from "./apply.ts";
import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

const nobody = "00000000-0000-4000-8000-000000000000";

/** What `metadata.uid` and `metadata.resourceVersion` of an applied object do, and bodies without name or type. */
export function applyIdentity(api: ApiUnderTest): void {
  async function existing(): Promise<{ readonly path: string; readonly body: ApiBody }> {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body } = await api.client.apply(path, configMap("a", { k: "1" }));
    return { path, body };
  }

  it("case 62: creates nothing when a uid is given and there is no object: 409", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}, { uid: nobody }));
    expect(status).toBe(409);
    expect(body).toMatchObject({ reason: "Conflict", details: { name: "a", kind: "configmaps" }, code: 409 });
    expect(body.message).toContain("uid mismatch");
    expect(await api.client.get(ns.core("configmaps/a"))).toMatchObject({ status: 404 });
    // 1.20 says 422 when it is a dry run.
    const dry = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}, { uid: nobody }), { dryRun: "All" });
    expect([409, 422]).toContain(dry.status);
  });

  it("case 62: changes the object of the uid given, and no other: 422, force or not", async () => {
    const { path, body } = await existing();
    const { uid } = body.metadata;
    const same = await api.client.apply(path, configMap("a", { k: "2" }, { uid }));
    expect(same).toMatchObject({ status: 200, body: { data: { k: "2" } } });
    expect(applyEntry(same.body)?.fieldsV1).toEqual({ "f:data": { "f:k": {} } });
    for (const [k, force] of [
      ["3", false],
      ["3", true],
      ["2", false],
    ] as const) {
      const other = await api.client.apply(path, configMap("a", { k }, { uid: nobody }), { force });
      expect(other.status).toBe(422);
      const cause = expect.objectContaining({ reason: "FieldValueInvalid", field: "metadata.uid" });
      expect(other.body).toMatchObject({ reason: "Invalid", details: { causes: expect.arrayContaining([cause]) } });
    }
    expect((await api.client.get(path)).body.metadata).toEqual(same.body.metadata);
  });

  it("applies to the resourceVersion given, and to no other: 409, force or not", async () => {
    const { path, body } = await existing();
    const { resourceVersion } = body.metadata;
    const current = await api.client.apply(path, configMap("a", { k: "2" }, { resourceVersion }));
    expect(current.status).toBe(200);
    for (const [k, force] of [
      ["3", false],
      ["3", true],
      ["2", false],
    ] as const) {
      const stale = await api.client.apply(path, configMap("a", { k }, { resourceVersion }), { force });
      expect(stale).toMatchObject({ status: 409, body: { reason: "Conflict", details: { name: "a" } } });
    }
    const zero = await api.client.apply(path, configMap("a", { k: "2" }, { resourceVersion: "0" }));
    expect(zero.status).toBe(200);
  });

  it("creates in spite of a resourceVersion, which therefore does not mean update only", async () => {
    const ns = await freshNamespace(api.client);
    for (const [name, resourceVersion] of [
      ["a", "1"],
      ["b", "0"],
    ] as const) {
      const { status } = await api.client.apply(
        ns.core(`configmaps/${name}`),
        configMap(name, {}, { resourceVersion }),
      );
      expect(status).toBe(201);
    }
  });

  it("takes a uid in a merge patch the same way: 422 for another one", async () => {
    const { path, body } = await existing();
    const patch = (uid: string): object => ({ metadata: { uid }, data: { more: "1" } });
    expect(await api.client.patch(path, "merge", patch(nobody))).toMatchObject({ status: 422 });
    expect(await api.client.patch(path, "merge", patch(body.metadata.uid))).toMatchObject({ status: 200 });
  });

  it("case 23: refuses a JSON patch whose test fails, without saying which", async () => {
    const { path } = await existing();
    const test = { op: "test", path: "/metadata/resourceVersion", value: "1" };
    const { status, body } = await api.client.patch(path, "json", [test, { op: "add", path: "/data/z", value: "1" }]);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "Invalid",
      message: "the server rejected our request due to an error in our request",
    });
  });

  it("case 10: refuses managedFields in the body, even empty ones", async () => {
    const { path } = await existing();
    for (const managedFields of [[], [{}]]) {
      const { status, body } = await api.client.apply(path, configMap("a", {}, { managedFields }));
      expect(status).toBe(400);
      expect(body).toMatchObject({ reason: "BadRequest", message: "metadata.managedFields must be nil" });
    }
    expect(await api.client.apply(path, configMap("a", {}, { managedFields: null }))).toMatchObject({ status: 200 });
  });

  it("case 11: refuses a name or version that are not the path's with 400", async () => {
    const { path } = await existing();
    for (const wrong of [
      configMap("b", {}),
      { ...configMap("a", {}), apiVersion: "v2" },
      { metadata: { name: "a" } },
    ]) {
      const { status, body } = await api.client.apply(path, wrong);
      expect(status).toBe(400);
      expect(body).toMatchObject({ reason: "BadRequest", code: 400 });
    }
    const { status } = await api.client.apply(path, { apiVersion: "v1", metadata: { name: "a" } });
    expect(status).toBe(500);
  });

  it("case 12: needs a name to create; generateName alone gives none, and beside a name means nothing", async () => {
    const ns = await freshNamespace(api.client);
    const { path } = await existing();
    const unnamed = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "a-" } };
    const refused = await api.client.apply(ns.core("configmaps/b"), unnamed);
    expect(refused).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    expect(await api.client.apply(path, { ...unnamed, metadata: {} })).toMatchObject({ status: 200 });
    const both = await api.client.apply(ns.core("configmaps/c"), configMap("c", {}, { generateName: "a-" }));
    expect(both).toMatchObject({ status: 201, body: { metadata: { name: "c" } } });
  });

  it("case 13: ignores the namespace of a cluster-wide object, but knows no namespaced path of it", async () => {
    const ns = await freshNamespace(api.client);
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", rules: [] };
    const object = { ...role, metadata: { name: ns.name, namespace: ns.name } };
    const { status, body } = await api.client.apply(`${rbac}/clusterroles/${ns.name}`, object);
    expect(status).toBe(201);
    expect(body.metadata).not.toHaveProperty("namespace");
    expect(await api.client.apply(ns.in(rbac)(`clusterroles/${ns.name}`), object)).toMatchObject({ status: 404 });
    expect(await api.client.apply("/api/v1/configmaps/a", configMap("a", {}))).toMatchObject({ status: 404 });
    await api.client.delete(`${rbac}/clusterroles/${ns.name}`);
  });

  it.each([
    ["[{}]", [{}]],
    ["[]", []],
  ])(
    "case 22: forgets all owners when a PUT says %s; the next apply finds before-first-apply",
    async (_, managedFields) => {
      const { path, body } = await existing();
      const { metadata } = body;
      const put = await api.client.put(path, { ...body, metadata: { ...metadata, managedFields }, data: { k: "2" } });
      expect(put.status).toBe(200);
      expect(put.body.metadata).not.toHaveProperty("managedFields");
      const conflicting = await api.client.apply(path, configMap("a", { k: "1" }));
      expect(conflicting.status).toBe(409);
      expect(conflicting.body.message).toContain('conflict with "before-first-apply" using v1: .data.k');
      const healed = await api.client.apply(path, configMap("a", { k: "1" }), { force: true });
      expect(healed.body.data).toEqual({ k: "1" });
      const managers = healed.body.metadata.managedFields?.map(({ manager }) => manager);
      expect(managers).toEqual(["drover", "before-first-apply"]);
    },
  );
}
