import { expect, it } from "vitest";

import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

const holder = "example.org/hold";

/** The life of a namespace and of what is in it. */
export function namespaces(api: ApiUnderTest): void {
  const path = (name: string): string => `/api/v1/namespaces/${name}`;
  const statusOf = (url: string) => async (): Promise<number> => (await api.client.get(url)).status;

  it("is active from the start and held by its own finalizer", async () => {
    const name = freshName("ns");
    const { status, body } = await api.client.apply(path(name), {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { team: "a" } },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } });
    // Servers since 1.21 add the label kubernetes.io/metadata.name.
    expect(body.metadata.labels).toMatchObject({ team: "a" });
  });

  it("changes nothing when applied again", async () => {
    const name = freshName("ns");
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { team: "a" } } };
    const { body: first } = await api.client.apply(path(name), object);
    const { status, body } = await api.client.apply(path(name), object);
    expect(status).toBe(200);
    expect(body).toEqual(first);
  });

  it("takes everything in it along, and can come back", async () => {
    const { name, core } = await freshNamespace(api.client);
    await api.client.post(core("configmaps"), configMap("a", {}));
    const { status, body } = await api.client.delete(path(name));
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: "Namespace", status: { phase: "Terminating" } });
    expect(body.metadata.deletionTimestamp).toMatch(/Z$/);
    await expect.poll(statusOf(path(name)), { timeout: 30_000 }).toBe(404);
    expect(await api.client.get(core("configmaps/a"))).toMatchObject({ status: 404 });
    expect(await api.client.post("/api/v1/namespaces", { metadata: { name } })).toMatchObject({ status: 201 });
    expect(await api.client.get(core("configmaps/a"))).toMatchObject({ status: 404 });
    expect(await api.client.post(core("configmaps"), configMap("a", {}))).toMatchObject({ status: 201 });
  });

  it("refuses new objects while it terminates, and names that as the cause", async () => {
    const { name, core } = await freshNamespace(api.client);
    await api.client.apply(core("configmaps/held"), configMap("held", { k: "1" }, { finalizers: [holder] }));
    await api.client.delete(path(name));
    for (const attempt of [
      await api.client.post(core("configmaps"), configMap("a", {})),
      await api.client.apply(core("configmaps/a"), configMap("a", {})),
    ]) {
      expect(attempt.status).toBe(403);
      expect(attempt.body).toMatchObject({
        kind: "Status",
        reason: "Forbidden",
        details: {
          name: "a",
          kind: "configmaps",
          causes: [
            {
              reason: "NamespaceTerminating",
              message: `namespace ${name} is being terminated`,
              field: "metadata.namespace",
            },
          ],
        },
      });
      expect(attempt.body.message).toContain(`because it is being terminated`);
    }
    // Changes of what is still there succeed, in vain.
    const change = await api.client.apply(
      core("configmaps/held"),
      configMap("held", { k: "2" }, { finalizers: [holder] }),
    );
    expect(change).toMatchObject({ status: 200, body: { data: { k: "2" } } });
    const deleting = async (): Promise<unknown> =>
      (await api.client.get(core("configmaps/held"))).body.metadata.deletionTimestamp;
    await expect.poll(deleting, { timeout: 30_000 }).toMatch(/Z$/);
    await api.client.patch(core("configmaps/held"), "merge", { metadata: { finalizers: null } });
    await expect.poll(statusOf(path(name)), { timeout: 30_000 }).toBe(404);
  });

  it("says in its conditions what it waits for", async () => {
    const { name, core } = await freshNamespace(api.client);
    await api.client.post(core("configmaps"), configMap("held", {}, { finalizers: [holder] }));
    await api.client.delete(path(name));
    const conditions = async (): Promise<unknown> => (await api.client.get(path(name))).body.status["conditions"];
    await expect.poll(conditions, { timeout: 30_000 }).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: "NamespaceFinalizersRemaining",
          status: "True",
          message: expect.stringContaining(holder),
        }),
      ]),
    );
    await api.client.patch(core("configmaps/held"), "merge", { metadata: { finalizers: null } });
    await expect.poll(statusOf(path(name)), { timeout: 30_000 }).toBe(404);
  });

  it("tells watchers of its objects that they are gone", async () => {
    const { name, core } = await freshNamespace(api.client);
    const { body: created } = await api.client.post(core("configmaps"), configMap("a", { k: "1" }));
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch("/api/v1/configmaps", {
      resourceVersion,
      fieldSelector: `metadata.namespace=${name},metadata.name=a`,
    });
    await api.client.delete(path(name));
    const event = await watch.until(({ type }) => type === "DELETED");
    expect(event.object).toMatchObject({ metadata: { name: "a" }, data: { k: "1" } });
  });

  it("does not let the default namespace go", async () => {
    const { status, body } = await api.client.delete(path("default"));
    expect(status).toBe(403);
    expect(body).toMatchObject({ reason: "Forbidden", details: { name: "default", kind: "namespaces" } });
  });
}
