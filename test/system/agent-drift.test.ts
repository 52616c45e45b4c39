import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { SyncOptions } from "@drover/shared/sync-options";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startWebhook } from "../rig/webhook.ts";
import { configMap, deployment, deploymentPath, mapPath } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;
const autoscalers = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";

function autoscaler(name: string): KubeObject {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
  const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 9 };
  return {
    apiVersion: "autoscaling/v1",
    kind: "HorizontalPodAutoscaler",
    metadata: { name, namespace: "default" },
    spec,
  };
}

function withoutReplicas(object: KubeObject): KubeObject {
  const { replicas: _replicas, ...spec } = object["spec"] as JsonRecord;
  return { ...object, spec };
}

function ignore(kind: string, paths: readonly string[], managers: readonly string[] = []): Partial<SyncOptions> {
  return { ignore: [{ group: "*", kind, namespace: "", name: "", paths, managers }] };
}

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, untilData } = shareAgent(server, { prefix: "drift", started: (running) => void (agent = running) });

  const scale = async (name: string, replicas: number): Promise<void> => {
    const answer = await agent.call({
      method: "PATCH",
      path: `${deploymentPath(name)}/scale?fieldManager=kube-controller-manager`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ spec: { replicas } }),
    });
    expect(answer.kind).toBe("ok");
  };
  const replicasOf = async (name: string) => field(await agent.get(deploymentPath(name)), "spec", "replicas");
  const writesFor = (name: string): readonly string[] =>
    writesOf(agent.takeRequests()).filter((request) => request.includes(`/${name}?`));

  it("reports drift and writes nothing back in mode report, until what Git wants changes", async () => {
    const app = fresh();
    const sync = { drift: "report" } as const;
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })], { sync }).bundle);
    agent.takeRequests();
    await agent.edit(mapPath(app), { data: { a: "2" } });
    const drift = { paths: ["data[a]"], by: "kubectl-edit", repaired: false };
    await agent.untilReported(app, { phase: "applied", objects: [{ apply: "applied", drift }] });
    await agent.restart();
    await agent.untilReported(app, { phase: "applied", objects: [{ apply: "applied", drift }] });
    expect(writesFor(app)).toEqual([]);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "2" });
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "3" })], { sync }).bundle);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "3" });
  });

  it("takes back a reported drift that somebody undid, and leaves a deleted object deleted in mode report", async () => {
    const app = fresh();
    const sync = { drift: "report" } as const;
    const objects = [configMap(app, { a: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects, { sync }).bundle);
    await agent.edit(mapPath(app), { data: { a: "2" } });
    await agent.untilReported(app, { objects: [{ drift: { paths: ["data[a]"], repaired: false } }] });
    await agent.edit(mapPath(app), { data: { a: "1" } });
    await agent.untilReported(app, { objects: [{ drift: { repaired: true } }] });
    await agent.remove(mapPath(app));
    await agent.untilReported(app, { objects: [{ health: "NotFound", drift: { paths: [], repaired: false } }] });
    expect(await agent.get(mapPath(app))).toBeUndefined();
    agent.hub.assign(app, objects, { sync, syncRequest: 1 });
    await untilData(mapPath(app), { a: "1" });
  });

  it("case 18: removes what others add in mode strict, in three requests, and leaves what is theirs", async () => {
    const app = fresh();
    const sync = { drift: "strict", ...ignore("ConfigMap", ["metadata.annotations[theirs]"]) } as const;
    const objects = [configMap(app, { a: "1" }), deployment(app, 1)];
    await agent.untilApplied(app, agent.hub.assign(app, objects, { sync }).bundle);
    agent.takeRequests();
    await agent.edit(mapPath(app), { metadata: { annotations: { theirs: "x" }, finalizers: ["example.org/wait"] } });
    await agent.edit(mapPath(app), { data: { b: "2" }, metadata: { labels: { team: "x" } } });
    await untilData(mapPath(app), { a: "1" });
    const drift = { paths: ["data[b]", "metadata.labels[team]"], by: "kubectl-edit", repaired: true };
    const drifted = expect.objectContaining({ drift: expect.objectContaining(drift) });
    await agent.untilReported(app, { objects: expect.arrayContaining([drifted]) });
    const live = await agent.get(mapPath(app));
    expect(live).toMatchObject({ metadata: { annotations: { theirs: "x" }, finalizers: ["example.org/wait"] } });
    expect(field(live, "metadata", "labels", "team")).toBeUndefined();
    expect(agent.takeRequests().filter((request) => request.includes(mapPath(app))).length).toBeLessThanOrEqual(3);
    const sidecar = { name: "proxy", image: "proxy:1" };
    const web = { name: "web", image: "nginx:1", env: [{ name: "DEBUG", value: "1" }] };
    await agent.edit(deploymentPath(app), { spec: { template: { spec: { containers: [web, sidecar] } } } });
    await vi.waitFor(async () => {
      const containers = field(await agent.get(deploymentPath(app)), "spec", "template", "spec", "containers");
      expect(containers).toEqual([expect.not.objectContaining({ env: expect.anything() })]);
    }, patience);
    await agent.edit(mapPath(app), { metadata: { finalizers: null } });
  });

  it("repairs everything except the paths that Git leaves to others", async () => {
    const app = fresh();
    const sync = ignore("ConfigMap", ["data[theirs]"]);
    const objects = [configMap(app, { ours: "1", theirs: "1" })];
    await agent.untilApplied(app, agent.hub.assign(app, objects, { sync }).bundle);
    agent.takeRequests();
    await agent.edit(mapPath(app), { data: { theirs: "2" } });
    await agent.untilReported(app, { objects: [{ message: "yields data[theirs] to sync.ignore" }] });
    expect(writesFor(app)).toEqual([]);
    await agent.edit(mapPath(app), { data: { ours: "2" } });
    await untilData(mapPath(app), { ours: "1", theirs: "2" });
    const changed = [configMap(app, { ours: "3", theirs: "3" })];
    await agent.untilApplied(app, agent.hub.assign(app, changed, { sync }).bundle);
    await untilData(mapPath(app), { ours: "3", theirs: "2" });
  });

  it("leaves a path only to the managers that the rule names", async () => {
    const app = fresh();
    const sync = ignore("ConfigMap", ["data[a]"], ["rotator"]);
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })], { sync }).bundle);
    await agent.edit(mapPath(app), { data: { a: "2" } });
    await untilData(mapPath(app), { a: "1" });
    const answer = await agent.call({
      method: "PATCH",
      path: `${mapPath(app)}?fieldManager=rotator`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ data: { a: "rotated" } }),
    });
    expect(answer.kind).toBe("ok");
    await agent.untilReported(app, { objects: [{ message: expect.stringContaining("yields data[a]") }] });
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "rotated" });
  });

  it("case 27: E46: leaves replicas to an autoscaler of the bundle, through new content too", async () => {
    const app = fresh();
    const objects = [deployment(app, 2), autoscaler(app)];
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    expect(await replicasOf(app)).toBe(2);
    agent.takeRequests();
    await scale(app, 7);
    const message = expect.stringContaining(`yields spec.replicas to HorizontalPodAutoscaler ${app}`);
    await agent.untilReported(app, { objects: expect.arrayContaining([expect.objectContaining({ message })]) });
    expect(writesFor(app)).toEqual([]);
    const labelled = { ...deployment(app, 2), metadata: { name: app, namespace: "default", labels: { tier: "web" } } };
    await agent.untilApplied(app, agent.hub.assign(app, [labelled, autoscaler(app)]).bundle);
    expect(await replicasOf(app)).toBe(7);
  });

  it("case 27: hands replicas over without a reset to 1 when Git drops them and adds the autoscaler", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [deployment(app, 5)]).bundle);
    const handed = [withoutReplicas(deployment(app, 5)), autoscaler(app)];
    await agent.untilApplied(app, agent.hub.assign(app, handed).bundle);
    expect(await replicasOf(app)).toBe(5);
    await scale(app, 6);
    const labelled = { ...handed[0], metadata: { name: app, namespace: "default", labels: { tier: "web" } } };
    await agent.untilApplied(app, agent.hub.assign(app, [labelled as KubeObject, autoscaler(app)]).bundle);
    expect(await replicasOf(app)).toBe(6);
  });

  it("case 27: leaves replicas to a live autoscaler that is of no bundle", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [deployment(app, 2)]).bundle);
    await agent.create(autoscalers, autoscaler(app));
    agent.takeRequests();
    await scale(app, 4);
    await agent.untilReported(app, {
      objects: [{ message: expect.stringContaining(`yields spec.replicas to HorizontalPodAutoscaler ${app}`) }],
    });
    expect(await replicasOf(app)).toBe(4);
    expect(writesFor(app)).toEqual([]);
  });

  it("E46: never owns what the server allocates or defaults, so it is no drift", async () => {
    const app = fresh();
    const service: KubeObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app, namespace: "default" },
      spec: { type: "NodePort", selector: { app }, ports: [{ name: "http", port: 80, protocol: "TCP" }] },
    };
    await agent.untilApplied(app, agent.hub.assign(app, [service]).bundle);
    const path = `/api/v1/namespaces/default/services/${app}`;
    const before = await agent.get(path);
    agent.takeRequests();
    const ports = { spec: { ports: [{ name: "http", port: 80, protocol: "TCP", nodePort: 31_234 }] } };
    await agent.edit(path, ports);
    const labelled = { ...service, metadata: { ...service.metadata, labels: { tier: "web" } } };
    await agent.untilApplied(app, agent.hub.assign(app, [labelled]).bundle);
    const after = await agent.get(path);
    expect(field(after, "spec", "clusterIP")).toBe(field(before, "spec", "clusterIP"));
    expect((field(after, "spec", "ports") as JsonRecord[])[0]).toMatchObject({ nodePort: 31_234 });
    expect(agent.hub.report(app)?.objects[0]?.drift).toBeUndefined();
    expect(writesFor(app)).toHaveLength(1);
  });

  it("case 24: notices that another process applied under our own name, in the same second too", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })]).bundle);
    const labels = field(await agent.get(mapPath(app)), "metadata", "labels") as Record<string, string>;
    const metadata = { name: app, namespace: "default", labels };
    // Managed fields keep whole seconds: an apply in the same one as ours differs in nothing but the value.
    for (const theirs of ["first", "second", "third"]) {
      const answer = await agent.call({
        method: "PATCH",
        path: `${mapPath(app)}?fieldManager=drover&force=true`,
        contentType: "application/apply-patch+yaml",
        body: JSON.stringify({ ...configMap(app, { a: theirs }), metadata }),
      });
      expect(answer.kind).toBe("ok");
      await untilData(mapPath(app), { a: "1" });
    }
    // Only of one in the same second the fields are known: then the object itself was looked at.
    await agent.untilReported(app, { objects: [{ drift: { repaired: true } }] });
  });

  it("case 55: repairs each of 200 drifts at once exactly once, and takes no own write for a drift", async () => {
    const app = fresh();
    const names = Array.from({ length: 200 }, (_, index) => `${app}-${index}`);
    const objects = names.map((name) => configMap(name, { a: "1" }));
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
    agent.takeRequests();
    await Promise.all(names.map((name) => agent.edit(mapPath(name), { data: { a: "2" } })));
    await vi.waitFor(
      () => {
        const repaired = agent.hub.report(app)?.objects.filter(({ drift }) => drift?.repaired === true);
        expect(repaired).toHaveLength(200);
      },
      { timeout: 30_000, interval: 20 },
    );
    await agent.untilReported(app, { phase: "applied" });
    const writes = writesOf(agent.takeRequests()).filter((request) => request.includes(`/${app}-`));
    expect(writes.toSorted()).toEqual([...new Set(writes)].toSorted());
    expect(writes).toHaveLength(200);
  });

  it("case 31: E47: a fight names manager, field and the rule that would end it, and is reported once a round", async () => {
    const app = fresh();
    await agent.untilApplied(app, agent.hub.assign(app, [configMap(app, { a: "1" })]).bundle);
    agent.takeRequests();
    await vi.waitFor(
      async () => {
        await agent.edit(mapPath(app), { data: { a: String(Math.random()) } });
        expect(agent.hub.report(app)).toMatchObject({
          reason: "Contested",
          objects: [
            {
              message: expect.stringMatching(
                /^"kubectl-edit" changes data\[a\] again and again; next repair in \d+ s; .*sync\.ignore/u,
              ),
            },
          ],
        });
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(writesFor(app).length).toBeLessThanOrEqual(8);
  });

  it("case 31: names a mutating webhook that rewrites what was applied, and does not fight it", async () => {
    const app = fresh();
    await using webhook = await startWebhook();
    const image = "/spec/template/spec/containers/0/image";
    webhook.script(() => ({ kind: "allow", patch: [{ op: "replace", path: image, value: "mirror.example/nginx:1" }] }));
    const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    await agent.create(path, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: app },
      webhooks: [
        {
          name: "mirror.example.org",
          clientConfig: webhook.clientConfig,
          rules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["CREATE", "UPDATE"] },
          ],
          objectSelector: { matchLabels: { mirrored: app } },
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
        },
      ],
    });
    onTestFinished(async () => agent.remove(`${path}/${app}`));
    const labels = { mirrored: app };
    const probe = { ...deployment(`${app}-probe`, 0), metadata: { name: `${app}-probe`, labels } };
    await vi.waitFor(async () => {
      const collection = "/apis/apps/v1/namespaces/default/deployments?dryRun=All";
      await agent.call({ method: "POST", path: collection, body: JSON.stringify(probe) });
      expect(webhook.takeRequests()).not.toEqual([]);
    }, patience);
    const object = { ...deployment(app, 1), metadata: { name: app, namespace: "default", labels } };
    agent.takeRequests();
    agent.hub.assign(app, [object]);
    const paths = ["spec.template.spec.containers[name=web].image"];
    const drift = { paths, by: "mutating webhook mirror.example.org", repaired: false };
    await agent.untilReported(app, { phase: "applied", objects: [{ apply: "applied", drift }] });
    expect(writesFor(app)).toHaveLength(1);
  });
}

describe("agent judges drift on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent judges drift on the real API server", () => {
  suite("real");
});
