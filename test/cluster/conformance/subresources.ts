import { expect, it } from "vitest";

import { configMap, deployment } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

/** `status` and `scale` of built-in kinds. */
export function subresources(api: ApiUnderTest): void {
  it("changes only status through the status subresource, and only the rest otherwise", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.core("persistentvolumeclaims/a");
    const resources = { requests: { storage: "1Gi" } };
    const spec = { accessModes: ["ReadWriteOnce"], resources, storageClassName: "none" };
    const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "a" }, spec };
    const { body: created } = await api.client.post(ns.core("persistentvolumeclaims"), claim);
    expect(created.status).toEqual({ phase: "Pending" });
    const wrong = await api.client.put(path, { ...created, status: { phase: "Lost" } });
    expect(wrong).toMatchObject({ status: 200, body: { status: { phase: "Pending" } } });
    const patch = { spec: { volumeName: "elsewhere" }, status: { phase: "Lost" } };
    const { status, body } = await api.client.patch(`${path}/status`, "merge", patch);
    expect({ status, phase: body.status["phase"] }).toEqual({ status: 200, phase: "Lost" });
    expect(body.spec).not.toHaveProperty("volumeName");
    expect(body.metadata.uid).toBe(created.metadata.uid);
  });

  it("reads and writes the scale of a Deployment", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const { body: created } = await api.client.post(ns.apps("deployments"), deployment("web", { replicas: 0 }));
    const { body: scale } = await api.client.get(`${path}/scale`);
    expect(scale).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "web", namespace: ns.name, uid: created.metadata.uid },
      spec: {},
      status: { replicas: 0, selector: "app=web" },
    });
    // Without a resourceVersion: the controllers may have written a status in between.
    const { resourceVersion: _, ...metadata } = scale.metadata;
    const replaced = await api.client.put(`${path}/scale`, { ...scale, metadata, spec: { replicas: 1 } });
    expect(replaced).toMatchObject({ status: 200, body: { kind: "Scale", spec: { replicas: 1 } } });
    expect((await api.client.get(path)).body.spec).toMatchObject({ replicas: 1 });
    const stale = { ...scale, metadata: { ...scale.metadata, resourceVersion: "1" }, spec: { replicas: 2 } };
    expect(await api.client.put(`${path}/scale`, stale)).toMatchObject({ status: 409, body: { reason: "Conflict" } });
    const negative = await api.client.patch(`${path}/scale`, "merge", { spec: { replicas: -1 } });
    expect(negative.status).toBe(422);
    await api.client.delete(path);
  });

  it("has no scale or status where the kind has none", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    for (const subresource of ["scale", "status", "nothing"]) {
      expect((await api.client.get(ns.core(`configmaps/a/${subresource}`))).status).toBe(404);
    }
    expect((await api.client.get(ns.apps("deployments/none/scale"))).status).toBe(404);
  });
}
