import { expect, it } from "vitest";

import { configMap, deployment } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

const holder = "example.org/hold";

/** Deleting with conditions, finalizers and dependants. */
export function deletion(api: ApiUnderTest): void {
  const owned = (
    name: string,
    owner: { readonly metadata: { readonly name: string; readonly uid: string } },
    block = false,
  ) => {
    const { name: ownerName, uid } = owner.metadata;
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: ownerName, uid, blockOwnerDeletion: block };
    return configMap(name, {}, { ownerReferences: [reference] });
  };

  it("answers with what it deleted, and then with 404", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.post(ns.core("configmaps"), configMap("a", {}));
    const { status, body } = await api.client.delete(ns.core("configmaps/a"));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "a", kind: "configmaps", uid: created.metadata.uid },
    });
    expect(await api.client.get(ns.core("configmaps/a"))).toMatchObject({ status: 404 });
    expect(await api.client.delete(ns.core("configmaps/a"))).toMatchObject({ status: 404 });
  });

  it("refuses to delete another object than the one meant, by uid or resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: created } = await api.client.post(ns.core("configmaps"), configMap("a", {}));
    const { uid, resourceVersion } = created.metadata;
    for (const preconditions of [{ uid: "00000000-0000-4000-8000-000000000000" }, { uid, resourceVersion: "1" }]) {
      const { status, body } = await api.client.delete(path, { preconditions });
      expect(status).toBe(409);
      expect(body).toMatchObject({ reason: "Conflict", details: { name: "a" } });
      expect(body.message).toMatch(/[Pp]recondition/);
    }
    expect(await api.client.delete(path, { preconditions: { uid, resourceVersion } })).toMatchObject({ status: 200 });
  });

  it("keeps an object with finalizers until the last one is removed", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    const { body: created } = await api.client.post(
      ns.core("configmaps"),
      configMap("a", {}, { finalizers: [holder] }),
    );
    const { status, body } = await api.client.delete(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "ConfigMap",
      metadata: { deletionGracePeriodSeconds: 0, finalizers: [holder] },
    });
    const { body: waiting } = await api.client.get(path);
    expect(waiting.metadata.deletionTimestamp).toMatch(/Z$/);
    expect(Number(waiting.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion));
    const again = await api.client.delete(path);
    expect(again).toMatchObject({ status: 200 });
    expect((await api.client.get(path)).body.metadata.deletionTimestamp).toBe(waiting.metadata.deletionTimestamp);
    const released = await api.client.patch(path, "merge", { metadata: { finalizers: null } });
    expect(released.status).toBe(200);
    expect(await api.client.get(path)).toMatchObject({ status: 404 });
  });

  it("takes writes to an object that waits for its finalizers, but no new finalizer", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.apply(path, configMap("a", { k: "1" }, { finalizers: [holder] }));
    await api.client.delete(path);
    const applied = await api.client.apply(path, configMap("a", { k: "2" }, { finalizers: [holder] }));
    expect(applied).toMatchObject({ status: 200, body: { data: { k: "2" } } });
    expect(applied.body.metadata.deletionTimestamp).toMatch(/Z$/);
    const more = await api.client.patch(path, "merge", { metadata: { finalizers: [holder, "example.org/more"] } });
    expect(more.status).toBe(422);
    const forbidden = expect.objectContaining({ field: "metadata.finalizers", reason: "FieldValueForbidden" });
    expect(more.body).toMatchObject({ details: { causes: expect.arrayContaining([forbidden]) } });
    const create = await api.client.post(ns.core("configmaps"), configMap("a", {}));
    expect(create).toMatchObject({ status: 409, body: { reason: "AlreadyExists" } });
    expect(create.body.message).toContain("object is being deleted");
    // An applier that leaves its own finalizer out releases the object.
    expect(await api.client.apply(path, configMap("a", { k: "2" }))).toMatchObject({ status: 200 });
    expect(await api.client.get(path)).toMatchObject({ status: 404 });
  });

  it("does not let a client set or clear the deletion time", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("configmaps/a");
    await api.client.post(ns.core("configmaps"), configMap("a", {}, { finalizers: [holder] }));
    const { body: waiting } = await api.client.delete(path);
    await api.client.patch(path, "merge", { metadata: { deletionTimestamp: null } });
    const { body } = await api.client.get(path);
    expect(body.metadata.deletionTimestamp).toBe(waiting.metadata.deletionTimestamp);
    await api.client.patch(path, "merge", { metadata: { finalizers: null } });
  });

  it("collects dependants in the background by default", async () => {
    const ns = await freshNamespace(api.client);
    const { body: owner } = await api.client.post(ns.core("configmaps"), configMap("owner", {}));
    await api.client.post(ns.core("configmaps"), owned("dependant", owner));
    await api.client.delete(ns.core("configmaps/owner"), { propagationPolicy: "Background" });
    expect(await api.client.get(ns.core("configmaps/owner"))).toMatchObject({ status: 404 });
    const dependant = async (): Promise<number> => (await api.client.get(ns.core("configmaps/dependant"))).status;
    await expect.poll(dependant, { timeout: 30_000 }).toBe(404);
  });

  it("keeps the owner until its dependants are gone when deleted in the foreground", async () => {
    const ns = await freshNamespace(api.client);
    const { body: owner } = await api.client.post(ns.core("configmaps"), configMap("owner", {}));
    const held = owned("dependant", owner, true);
    await api.client.post(ns.core("configmaps"), {
      ...held,
      metadata: { ...held.metadata, finalizers: [holder] },
    });
    const { status, body } = await api.client.delete(ns.core("configmaps/owner"), { propagationPolicy: "Foreground" });
    expect([200, 202]).toContain(status);
    expect(body.metadata.finalizers).toEqual(["foregroundDeletion"]);
    const dependant = ns.core("configmaps/dependant");
    const deleting = async (): Promise<boolean> =>
      (await api.client.get(dependant)).body.metadata.deletionTimestamp !== undefined;
    await expect.poll(deleting, { timeout: 30_000 }).toBe(true);
    expect(await api.client.get(ns.core("configmaps/owner"))).toMatchObject({ status: 200 });
    await api.client.patch(dependant, "merge", { metadata: { finalizers: null } });
    const ownerStatus = async (): Promise<number> => (await api.client.get(ns.core("configmaps/owner"))).status;
    await expect.poll(ownerStatus, { timeout: 30_000 }).toBe(404);
  });

  it("leaves dependants alone, and without their owner, when asked to orphan them", async () => {
    const ns = await freshNamespace(api.client);
    const { body: owner } = await api.client.post(ns.core("configmaps"), configMap("owner", {}));
    await api.client.post(ns.core("configmaps"), owned("dependant", owner));
    await api.client.delete(ns.core("configmaps/owner"), { propagationPolicy: "Orphan" });
    const ownerStatus = async (): Promise<number> => (await api.client.get(ns.core("configmaps/owner"))).status;
    await expect.poll(ownerStatus, { timeout: 30_000 }).toBe(404);
    const { status, body } = await api.client.get(ns.core("configmaps/dependant"));
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("metadata.ownerReferences");
  });

  it("refuses an unknown propagation policy with 422", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    const { status } = await api.client.delete(ns.core("configmaps/a"), { propagationPolicy: "Sideways" });
    expect(status).toBe(422);
  });

  it("takes a propagation policy as a query, too", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.post(ns.apps("deployments"), deployment("web", { replicas: 0 }));
    expect(await api.client.delete(path, undefined, { propagationPolicy: "Background" })).toMatchObject({
      status: 200,
    });
    expect(await api.client.get(path)).toMatchObject({ status: 404 });
  });

  it("deletes a collection by selector", async () => {
    const ns = await freshNamespace(api.client);
    for (const name of ["a", "b", "c"]) {
      await api.client.post(
        ns.core("configmaps"),
        configMap(name, {}, { labels: { pick: name === "c" ? "no" : "yes" } }),
      );
    }
    const { status } = await api.client.delete(ns.core("configmaps"), undefined, { labelSelector: "pick=yes" });
    expect(status).toBe(200);
    const { body } = await api.client.get(ns.core("configmaps"), { labelSelector: "pick" });
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(["c"]);
  });
}
