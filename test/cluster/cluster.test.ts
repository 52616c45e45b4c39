import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { describe, expect, it, onTestFinished } from "vitest";

import { manualClock } from "./clock.ts";
import { startCluster, type ClusterOptions, type EmbeddedCluster } from "./cluster.ts";
import { createApiClient, type ApiClient } from "./conformance/api-client.ts";
import { configMap, deployment, job, service } from "./conformance/objects.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const pods = "/api/v1/namespaces/default/pods";

async function start(options: Partial<ClusterOptions> = {}): Promise<{ cluster: EmbeddedCluster; client: ApiClient }> {
  const cluster = await startCluster({ name: "test", readyDelayMs: 5, ...options });
  const client = createApiClient(cluster);
  onTestFinished(async () => {
    client.close();
    await cluster.close();
  });
  return { cluster, client };
}

/** Turns of the event loop, in which controllers work; time itself stands still. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("one cluster of many", () => {
  it("costs less than a MiB when empty", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    await using first = await startCluster({ name: "first" });
    await settle();
    collect();
    const before = process.memoryUsage().rss;
    const count = 200;
    const clusters = await Promise.all(Array.from({ length: count }, (_, i) => startCluster({ name: `c${i}` })));
    await settle();
    collect();
    const bytesEach = (process.memoryUsage().rss - before) / count;
    await Promise.all(clusters.map((cluster) => cluster.close()));
    expect(first.store.collection("/namespaces").size).toBe(4);
    expect(bytesEach).toBeLessThan(1024 * 1024);
  });

  it("keeps its objects to itself, though all share one TLS context", async () => {
    const [one, other] = [await start(), await start()];
    await one.client.post(configMaps, configMap("a", {}));
    expect((await one.client.get(`${configMaps}/a`)).status).toBe(200);
    expect((await other.client.get(`${configMaps}/a`)).status).toBe(404);
    const { token } = one.cluster;
    expect((await other.client.request("GET", configMaps, { token })).status).toBe(401);
  });

  it("frees its port and ends its watches when closed", async () => {
    const { cluster, client } = await start();
    const watch = await client.watch(configMaps);
    await cluster.close();
    expect(await watch.next().catch(() => undefined)).toBeUndefined();
    await using again = await startCluster({ name: "again", port: cluster.port });
    expect(again.port).toBe(cluster.port);
  });
});

describe("hooks", () => {
  it("tells of every request before it is answered", async () => {
    const seen: string[] = [];
    const { client } = await start({ onRequest: ({ method, path, user }) => seen.push(`${user} ${method} ${path}`) });
    await client.post(configMaps, configMap("a", {}));
    expect(seen).toEqual([`admin POST ${configMaps}`]);
  });

  it("lets a test refuse a request, with the time to wait", async () => {
    const { client } = await start({
      fault: ({ method }) => (method === "POST" ? { kind: "status", code: 429, retryAfterSeconds: 3 } : undefined),
    });
    const { status, headers, body } = await client.post(configMaps, configMap("a", {}));
    expect({ status, reason: body.reason, wait: headers["retry-after"] }).toEqual({
      status: 429,
      reason: "TooManyRequests",
      wait: "3",
    });
    expect((await client.get(`${configMaps}/a`)).status).toBe(404);
  });

  it("lets a test break the connection", async () => {
    const { client } = await start({ fault: () => ({ kind: "disconnect" }) });
    await expect(client.get(configMaps)).rejects.toThrow("socket hang up");
  });
});

describe("a cluster that is started from a snapshot", () => {
  it("goes on with the same objects, identity and versions", async () => {
    const { cluster, client } = await start({ systemUid: "00000000-0000-4000-8000-000000000001" });
    const { body: before } = await client.post(configMaps, configMap("a", { k: "1" }));
    await client.post(deployments, deployment("web", { replicas: 1 }));
    const snapshot: unknown = JSON.parse(JSON.stringify(cluster.snapshot()));
    const resumed = await start({ restore: snapshot as ReturnType<EmbeddedCluster["snapshot"]> });
    expect((await resumed.client.get(`${configMaps}/a`)).body).toEqual(before);
    const system = await resumed.client.get("/api/v1/namespaces/kube-system");
    expect(system.body.metadata.uid).toBe("00000000-0000-4000-8000-000000000001");
    const { body: next } = await resumed.client.post(configMaps, configMap("b", {}));
    expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(Number(before.metadata.resourceVersion));
    const ready = async (): Promise<unknown> =>
      (await resumed.client.get(`${deployments}/web`)).body.status["readyReplicas"];
    await expect.poll(ready).toBe(1);
  });

  it("serves the kinds that its definitions had established", async () => {
    const { cluster, client } = await start();
    const schema = { type: "object", properties: { spec: { type: "object" } } };
    await client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.org" },
      spec: {
        group: "example.org",
        scope: "Cluster",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    });
    const widgets = "/apis/example.org/v1/widgets";
    await expect.poll(async () => (await client.get(widgets)).status).toBe(200);
    const resumed = await start({ restore: cluster.snapshot() });
    expect((await resumed.client.get(widgets)).status).toBe(200);
  });
});

describe("workloads", () => {
  it("become ready by the cluster's clock, not before", async () => {
    const clock = manualClock();
    const { client } = await start({ clock, readyDelayMs: 1000 });
    await client.post(deployments, deployment("web", { replicas: 2 }));
    await settle();
    const status = async (): Promise<unknown> => (await client.get(`${deployments}/web`)).body.status;
    expect(await status()).toMatchObject({ replicas: 2, unavailableReplicas: 2 });
    clock.advance(999);
    await settle();
    expect(await status()).not.toHaveProperty("readyReplicas");
    clock.advance(1);
    await settle();
    expect(await status()).toMatchObject({ readyReplicas: 2, availableReplicas: 2, updatedReplicas: 2 });
  });

  it.each(["web:missing", "registry.invalid/web:1"])("never pull the image %s", async (image) => {
    const { client } = await start();
    await client.post(deployments, deployment("web", { replicas: 1, image }));
    const reason = async (): Promise<unknown> => (await client.get(pods)).body.items[0]?.status["containerStatuses"];
    await expect.poll(reason).toMatchObject([{ ready: false, state: { waiting: { reason: "ImagePullBackOff" } } }]);
    expect((await client.get(`${deployments}/web`)).body.status).toMatchObject({ unavailableReplicas: 1 });
  });

  it("keep the old pods of a Deployment while the new ones cannot come up", async () => {
    const { client } = await start();
    await client.post(deployments, deployment("web", { replicas: 2 }));
    const status = async (): Promise<unknown> => (await client.get(`${deployments}/web`)).body.status;
    await expect.poll(status).toMatchObject({ availableReplicas: 2 });
    const containers = [{ name: "main", image: "web:missing" }];
    await client.patch(`${deployments}/web`, "strategic", { spec: { template: { spec: { containers } } } });
    await expect.poll(status).toMatchObject({ updatedReplicas: 1, availableReplicas: 2, unavailableReplicas: 1 });
  });

  it("miss the deadline of a Deployment that does not come up", async () => {
    const clock = manualClock();
    const { client } = await start({ clock });
    const stuck = deployment("web", { replicas: 1, image: "web:crashing" });
    await client.post(deployments, { ...stuck, spec: { ...stuck.spec, progressDeadlineSeconds: 60 } });
    await settle();
    const reasons = async (): Promise<unknown> => (await client.get(`${deployments}/web`)).body.status["conditions"];
    clock.advance(59_000);
    await settle();
    expect(await reasons()).toMatchObject([{}, { type: "Progressing", status: "True" }]);
    clock.advance(5000);
    await settle();
    expect(await reasons()).toMatchObject([{}, { status: "False", reason: "ProgressDeadlineExceeded" }]);
  });

  it("fail a Job whose pods crash more often than it allows", async () => {
    const { client } = await start();
    const jobs = "/apis/batch/v1/namespaces/default/jobs";
    const crashing = job("j", "job:crashing");
    await client.post(jobs, { ...crashing, spec: { ...crashing.spec, backoffLimit: 1 } });
    const status = async (): Promise<unknown> => (await client.get(`${jobs}/j`)).body.status;
    await expect.poll(status).toMatchObject({
      failed: 2,
      conditions: [{ type: "FailureTarget" }, { type: "Failed", status: "True", reason: "BackoffLimitExceeded" }],
    });
  });

  it("have the newest revision again when a former template comes back", async () => {
    const { client } = await start();
    await client.post(deployments, deployment("web", { replicas: 1 }));
    const revision = async (): Promise<unknown> =>
      (await client.get(`${deployments}/web`)).body.metadata.annotations?.["deployment.kubernetes.io/revision"];
    await expect.poll(revision).toBe("1");
    for (const [image, expected] of [
      ["web:2", "2"],
      ["web:1", "3"],
    ]) {
      const containers = [{ name: "main", image }];
      await client.patch(`${deployments}/web`, "strategic", { spec: { template: { spec: { containers } } } });
      await expect.poll(revision).toBe(expected);
    }
  });

  it("give a load balancer its address after the delay", async () => {
    const { client } = await start();
    const balanced = service("lb", [{ port: 80, protocol: "TCP" }]);
    await client.post("/api/v1/namespaces/default/services", {
      ...balanced,
      spec: { ...balanced.spec, type: "LoadBalancer" },
    });
    const status = async (): Promise<unknown> =>
      (await client.get("/api/v1/namespaces/default/services/lb")).body.status["loadBalancer"];
    await expect.poll(status).toMatchObject({ ingress: [{ ip: expect.stringMatching(/^192\.0\.2\./) }] });
  });
});

describe("a watch", () => {
  it("gets bookmarks by the cluster's clock when nothing happens", async () => {
    const clock = manualClock();
    const { client } = await start({ clock, bookmarkIntervalMs: 1000 });
    await using watch = await client.watch(configMaps, { allowWatchBookmarks: true, resourceVersion: "0" });
    clock.advance(1000);
    expect(await watch.next()).toMatchObject({ type: "BOOKMARK", object: { kind: "ConfigMap" } });
  });

  it("ends after its time, with a last bookmark", async () => {
    const clock = manualClock();
    const { client } = await start({ clock });
    await using watch = await client.watch(configMaps, { allowWatchBookmarks: true, timeoutSeconds: 5 });
    clock.advance(5000);
    expect(await watch.next()).toMatchObject({ type: "BOOKMARK" });
    expect(await watch.next()).toBeUndefined();
  });

  it("that starts before the window of kept events gets 410", async () => {
    const { client } = await start({ watchWindow: 10 });
    const { body } = await client.post(configMaps, configMap("a", { k: "0" }));
    for (let i = 1; i <= 30; i += 1) await client.patch(`${configMaps}/a`, "merge", { data: { k: String(i) } });
    await using watch = await client.watch(configMaps, { resourceVersion: body.metadata.resourceVersion });
    expect(await watch.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
  });

  it("whose client does not read costs no memory, and ends with 410 when the client is too far behind", async () => {
    const { cluster } = await start({ watchWindow: 10 });
    const headers = { authorization: `Bearer ${cluster.token}` };
    const request = httpsRequest(`${cluster.url}${configMaps}?watch=1`, { ca: cluster.caPem, headers });
    request.end();
    const [response]: IncomingMessage[] = await once(request, "response");
    // More than the sockets of both sides hold, so that the server has to stop.
    const data = { big: "x".repeat(100_000) };
    const object = { ...configMap("a", data), metadata: { name: "a", namespace: "default" } };
    for (let i = 0; i < 1000; i += 1) {
      cluster.store.put("/configmaps", object);
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const lines = response === undefined ? [] : (await text(response)).trim().split("\n");
    expect(lines.length).toBeLessThan(1000);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ type: "ERROR", object: { code: 410 } });
  });
});
