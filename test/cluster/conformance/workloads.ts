import { expect, it } from "vitest";

import type { ApiBody } from "./api-client.ts";
import { daemonSet, deployment, service, statefulSet } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

/** Objects that controllers bring to life: the final fields of status that health rules read. */
export function workloads(api: ApiUnderTest): void {
  const timeout = api.kind === "embedded" ? 5_000 : 30_000;
  const read = (path: string) => async (): Promise<ApiBody> => (await api.client.get(path)).body;
  const condition = (type: string, status: string, reason?: string): unknown =>
    expect.objectContaining({ type, status, ...(reason === undefined ? {} : { reason }) });

  it("rolls a Deployment out, and again when its template changes", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, deployment("web", { replicas: 2 }));
    const ready = (generation: number): object => ({
      metadata: { generation },
      status: {
        observedGeneration: generation,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        conditions: expect.arrayContaining([
          condition("Available", "True", "MinimumReplicasAvailable"),
          condition("Progressing", "True", "NewReplicaSetAvailable"),
        ]),
      },
    });
    await expect.poll(read(path), { timeout }).toMatchObject(ready(1));
    await api.client.apply(path, deployment("web", { replicas: 2, image: "web:2" }));
    await expect.poll(read(path), { timeout }).toMatchObject(ready(2));
    expect((await read(path)()).status).not.toHaveProperty("unavailableReplicas");
  });

  it("hangs a Deployment's pods below it, by way of a ReplicaSet", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const { body: applied } = await api.client.apply(path, deployment("web", { replicas: 1 }));
    await expect.poll(read(path), { timeout }).toMatchObject({ status: { readyReplicas: 1 } });
    const { body: sets } = await api.client.get(ns.apps("replicasets"), { labelSelector: "app=web" });
    const [set] = sets.items;
    const owner = {
      kind: "Deployment",
      apiVersion: "apps/v1",
      name: "web",
      uid: applied.metadata.uid,
      controller: true,
    };
    expect(set).toMatchObject({
      metadata: { name: expect.stringMatching(/^web-/), ownerReferences: [owner] },
      status: { replicas: 1, readyReplicas: 1, availableReplicas: 1, observedGeneration: expect.any(Number) },
    });
    const { body: pods } = await api.client.get(ns.core("pods"), { labelSelector: "app=web" });
    expect(pods.items).toHaveLength(1);
    expect(pods.items[0]).toMatchObject({
      metadata: {
        name: expect.stringMatching(new RegExp(`^${set?.metadata.name}-`)),
        ownerReferences: [{ kind: "ReplicaSet", name: set?.metadata.name, uid: set?.metadata.uid, controller: true }],
      },
      spec: { nodeName: expect.stringMatching(/./) },
      status: {
        phase: "Running",
        conditions: expect.arrayContaining([condition("Ready", "True"), condition("PodScheduled", "True")]),
        containerStatuses: [{ name: "main", ready: true, restartCount: 0, state: { running: expect.anything() } }],
      },
    });
  });

  it("leaves the applied fields and our entry alone while it rolls out", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    const { body: applied } = await api.client.apply(path, deployment("web", { replicas: 1 }));
    await expect.poll(read(path), { timeout }).toMatchObject({ status: { readyReplicas: 1 } });
    const body = await read(path)();
    expect(body.spec).toEqual(applied.spec);
    const entry = ({ metadata }: ApiBody): unknown =>
      metadata.managedFields?.find(({ manager }) => manager === "drover");
    expect(entry(body)).toEqual(entry(applied));
  });

  it("has a Deployment without replicas ready at zero", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, deployment("web", { replicas: 0 }));
    await expect.poll(read(path), { timeout }).toMatchObject({
      status: { observedGeneration: 1, conditions: expect.arrayContaining([condition("Available", "True")]) },
    });
    // What is zero is not said.
    expect((await read(path)()).status).not.toHaveProperty("readyReplicas");
  });

  it("scales a Deployment down", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, deployment("web", { replicas: 2 }));
    await expect.poll(read(path), { timeout }).toMatchObject({ status: { readyReplicas: 2 } });
    await api.client.patch(`${path}/scale`, "merge", { spec: { replicas: 1 } });
    await expect.poll(read(path), { timeout }).toMatchObject({
      status: { observedGeneration: 2, replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
    });
    const scale = await api.client.get(`${path}/scale`);
    expect(scale.body).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 1, selector: "app=web" } });
  });

  it("brings a StatefulSet up, current and updated revision the same", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("statefulsets/db");
    await api.client.apply(path, statefulSet("db", { replicas: 2 }));
    await expect.poll(read(path), { timeout }).toMatchObject({
      status: { observedGeneration: 1, replicas: 2, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 2 },
    });
    const { status } = await read(path)();
    expect(status["currentRevision"]).toMatch(/^db-/);
    expect(status["updateRevision"]).toBe(status["currentRevision"]);
  });

  it("brings a DaemonSet up on every node", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("daemonsets/log");
    await api.client.apply(path, daemonSet("log"));
    const { body: nodes } = await api.client.get("/api/v1/nodes");
    const count = nodes.items.length;
    expect(count).toBeGreaterThan(0);
    await expect.poll(read(path), { timeout }).toMatchObject({
      status: {
        observedGeneration: 1,
        desiredNumberScheduled: count,
        currentNumberScheduled: count,
        updatedNumberScheduled: count,
        numberReady: count,
        numberAvailable: count,
        numberMisscheduled: 0,
      },
    });
  });

  it("completes a Job that has nothing to do", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.batch("jobs/none");
    const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "job:1" }] } };
    await api.client.apply(path, {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "none" },
      spec: { completions: 0, template },
    });
    await expect.poll(read(path), { timeout }).toMatchObject({
      status: {
        conditions: expect.arrayContaining([condition("Complete", "True")]),
        startTime: expect.stringMatching(/Z$/),
        completionTime: expect.stringMatching(/Z$/),
      },
    });
  });

  it("gives a Service an address, and one in the node ports' range when asked to", async () => {
    const ns = await freshNamespace(api.client);
    const ports = [{ name: "http", port: 80, protocol: "TCP" }];
    const plain = await api.client.apply(ns.core("services/plain"), service("plain", ports));
    expect(plain.body.spec).toMatchObject({
      clusterIP: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
      type: "ClusterIP",
      sessionAffinity: "None",
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }],
    });
    expect(plain.body.status).toEqual({ loadBalancer: {} });
    const headless = await api.client.apply(
      ns.core("services/headless"),
      service("headless", ports, { clusterIP: "None" }),
    );
    expect(headless.body.spec).toMatchObject({ clusterIP: "None" });
    const node = await api.client.apply(ns.core("services/node"), service("node", ports, { type: "NodePort" }));
    const [{ nodePort } = { nodePort: 0 }] = node.body.spec["ports"] as readonly { nodePort: number }[];
    expect(nodePort).toBeGreaterThanOrEqual(30_000);
    expect(nodePort).toBeLessThanOrEqual(32_767);
    // What the server allocated stays when the same is applied again.
    const again = await api.client.apply(ns.core("services/node"), service("node", ports, { type: "NodePort" }));
    expect(again.body).toEqual(node.body);
  });

  it("binds a claim to a volume", async () => {
    const ns = await freshNamespace(api.client);
    const storageClassName = freshName("class");
    await api.client.apply(`/apis/storage.k8s.io/v1/storageclasses/${storageClassName}`, {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: storageClassName },
      provisioner: "kubernetes.io/host-path",
    });
    const path = ns.core("persistentvolumeclaims/data");
    const resources = { requests: { storage: "1Mi" } };
    await api.client.apply(path, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources, storageClassName },
    });
    await expect.poll(read(path), { timeout }).toMatchObject({
      spec: { volumeName: expect.stringMatching(/^pvc-/) },
      status: { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: expect.any(String) } },
    });
  });

  it("removes a Deployment and forgets it", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.apply(path, deployment("web", { replicas: 1 }));
    await expect.poll(read(path), { timeout }).toMatchObject({ status: { readyReplicas: 1 } });
    await api.client.delete(path, { propagationPolicy: "Foreground" });
    await expect.poll(async () => (await api.client.get(path)).status, { timeout }).toBe(404);
  });

  it("case 33: leaves the pods of a StatefulSet when orphaned, and gives them to one of the same name", async () => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("statefulsets/s");
    const set = statefulSet("s", { replicas: 2 });
    await api.client.apply(path, set);
    const ready = async (): Promise<unknown> => (await api.client.get(path)).body.status["readyReplicas"];
    await expect.poll(ready, { timeout: 30_000 }).toBe(2);
    const pods = async (): Promise<readonly ApiBody[]> =>
      (await api.client.get(ns.core("pods"), { labelSelector: "app=web" })).body.items;
    const uids = (await pods()).map(({ metadata }) => metadata.uid);
    await api.client.delete(path, { propagationPolicy: "Orphan" });
    await expect.poll(async () => (await api.client.get(path)).status, { timeout: 30_000 }).toBe(404);
    const owners = async (): Promise<unknown> =>
      (await pods()).map(({ metadata }) => metadata.ownerReferences?.length ?? 0);
    expect(await owners()).toEqual([0, 0]);
    await api.client.apply(path, { ...set, spec: { ...set.spec, serviceName: "other" } });
    await expect.poll(owners, { timeout: 30_000 }).toEqual([1, 1]);
    expect((await pods()).map(({ metadata }) => metadata.uid)).toEqual(uids);
  });
}
