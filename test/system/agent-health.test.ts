import type { KubeObject } from "@drover/shared/kube/manifest";
import { defaultSync, type HealthRule } from "@drover/shared/sync-options";
import { beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { deployment, deploymentPath } from "./agent-objects.ts";
import { field, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const namespace = "default";
const patience = { timeout: 15_000, interval: 10 } as const;

function inNamespace(apiVersion: string, kind: string, name: string, rest: object): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace }, ...rest };
}

const labels = { app: "web" };
const container = { name: "web", image: "nginx:1" };

function stamped(spec: object): object {
  return { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } };
}

/** Conditions and container states as the controllers of Kubernetes write them. */
function condition(type: string, status: string, reason = ""): object {
  return { type, status, reason, message: `${type} is ${status}` };
}

function waiting(reason: string): object {
  const state = { waiting: { reason, message: "back-off 10s" } };
  return { name: "web", image: "nginx:1", imageID: "", ready: false, restartCount: 1, state };
}

const conditionsOf = { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
const status = {
  type: "object",
  properties: { phase: { type: "string" }, conditions: conditionsOf },
};

/** A kind with a status of its own, or with none. */
function definition(kind: string, statusSchema: object | undefined): KubeObject {
  const singular = kind.toLowerCase();
  const group = "health.drover.dev";
  const spec = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const properties = { spec, ...(statusSchema === undefined ? {} : { status: statusSchema }) };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: "object", properties } },
    ...(statusSchema === undefined ? {} : { subresources: { status: {} } }),
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural: `${singular}s`, singular, listKind: `${kind}List` },
      versions: [version],
    },
  };
}

const topics = definition("Topic", status);
const notes = definition("Note", undefined);

function custom(kind: string, name: string, spec: object = {}): KubeObject {
  return inNamespace("health.drover.dev/v1", kind, name, { spec });
}

const topicPath = (name: string): string => `/apis/health.drover.dev/v1/namespaces/default/topics/${name}`;

function rule(fields: Partial<HealthRule>): HealthRule {
  const none = { failed: "", degraded: "", progressing: "", suspended: "", current: "", message: "" };
  return { group: "health.drover.dev", kind: "Topic", ...none, ...fields };
}

function byRules(...healthRules: readonly HealthRule[]) {
  return { sync: { ...defaultSync, healthRules } };
}

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, apply } = shareAgent(server, {
    prefix: "health",
    controllers: false,
    started: (running) => void (agent = running),
  });
  beforeAll(() => apply("kinds", [topics, notes]));

  /** As a controller does, through the subresource. */
  async function report(path: string, what: object): Promise<void> {
    await agent.edit(`${path}/status`, { status: what });
  }
  const expectHealth = (app: string, health: string, reason = ""): Promise<void> =>
    agent.untilReported(app, { health, objects: [{ health, reason }] });

  it("case 71: a job that runs or was resumed is progressing, and one that failed is failed", async () => {
    const app = fresh();
    const spec = { template: { spec: { restartPolicy: "Never", containers: [container] } } };
    const path = `/apis/batch/v1/namespaces/default/jobs/${app}`;
    await apply(app, [inNamespace("batch/v1", "Job", app, { spec })]);
    await expectHealth(app, "Progressing", "Running");
    await report(path, { active: 1, failed: 2, conditions: [condition("Suspended", "False", "JobResumed")] });
    await agent.untilReported(app, {
      health: "Progressing",
      objects: [{ health: "Progressing", message: "0 pods finished, 2 failed" }],
    });
    await report(path, { active: 0, conditions: [condition("Failed", "True", "BackoffLimitExceeded")] });
    await expectHealth(app, "Failed", "BackoffLimitExceeded");
  });

  it("case 72: a pod whose init container is in a crash loop has failed, and so has one that ended in failure", async () => {
    const app = fresh();
    const path = `/api/v1/namespaces/default/pods/${app}`;
    await apply(app, [
      inNamespace("v1", "Pod", app, {
        spec: { initContainers: [{ ...container, name: "init" }], containers: [container] },
      }),
    ]);
    await report(path, { phase: "Pending", initContainerStatuses: [{ ...waiting("CrashLoopBackOff"), name: "init" }] });
    await expectHealth(app, "Failed", "CrashLoopBackOff");
    await report(path, { phase: "Failed", reason: "Evicted", initContainerStatuses: [] });
    await expectHealth(app, "Failed", "Evicted");
  });

  it("case 73: a deployment of none is current, paused suspended, past its deadline failed, not observed progressing", async () => {
    const app = fresh();
    const path = deploymentPath(app);
    const done = [condition("Available", "True"), condition("Progressing", "True", "NewReplicaSetAvailable")];
    await apply(app, [deployment(app, 0)]);
    await expectHealth(app, "Progressing", "NotObserved");
    await report(path, { observedGeneration: 1, conditions: done });
    await expectHealth(app, "Current");
    await apply(app, [deployment(app, 2)]);
    await expectHealth(app, "Progressing", "NotObserved");
    const late = [condition("Progressing", "False", "ProgressDeadlineExceeded")];
    await report(path, { observedGeneration: 2, replicas: 2, updatedReplicas: 2, conditions: late });
    await expectHealth(app, "Failed", "ProgressDeadlineExceeded");
    await report(path, { observedGeneration: 2, conditions: done });
    const paused = deployment(app, 2);
    await apply(app, [{ ...paused, spec: { ...(paused["spec"] as object), paused: true } }]);
    await report(path, { observedGeneration: 3 });
    await expectHealth(app, "Suspended", "Paused");
  });

  it("case 74: a custom resource is not ready before its controller says so, unless its kind has no place for that", async () => {
    const app = fresh();
    await apply(app, [custom("Topic", app), custom("Note", app)]);
    // Well within the 30 s after which silence counts as consent.
    await agent.untilReported(app, {
      health: "Progressing",
      objects: expect.arrayContaining([
        expect.objectContaining({
          key: expect.objectContaining({ kind: "Topic" }),
          health: "Progressing",
          reason: "NotObserved",
        }),
        expect.objectContaining({ key: expect.objectContaining({ kind: "Note" }), health: "Current" }),
      ]),
    });
    await report(topicPath(app), { conditions: [condition("Ready", "True")] });
    await agent.untilReported(app, { health: "Current" });
  });

  it("case 75: a claim that waits for its first pod is current, any other pending one is not, and a lost one failed", async () => {
    const app = fresh();
    const provisioner = "test.drover.dev/none";
    for (const [name, volumeBindingMode] of [
      ["late", "WaitForFirstConsumer"],
      ["early", "Immediate"],
    ] as const) {
      const storageClass = {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name },
        provisioner,
        volumeBindingMode,
      };
      await agent.create("/apis/storage.k8s.io/v1/storageclasses", storageClass);
    }
    const claim = (name: string, storageClassName: string): KubeObject =>
      inNamespace("v1", "PersistentVolumeClaim", name, {
        spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      });
    const path = `/api/v1/namespaces/default/persistentvolumeclaims/${app}`;
    await apply(app, [claim(app, "late")]);
    await expectHealth(app, "Current");
    await agent.edit(path, { metadata: { annotations: { "volume.kubernetes.io/selected-node": "node-1" } } });
    await expectHealth(app, "Progressing", "Pending");
    await report(path, { phase: "Lost" });
    await expectHealth(app, "Failed", "VolumeLost");
    const other = fresh();
    await apply(other, [claim(other, "early")]);
    await expectHealth(other, "Progressing", "Pending");
  });

  it("case 75: an ingress without an address is current, unless it asks to wait for one", async () => {
    const app = fresh();
    const backend = { service: { name: "web", port: { number: 80 } } };
    const ingress = inNamespace("networking.k8s.io/v1", "Ingress", app, { spec: { defaultBackend: backend } });
    const path = `/apis/networking.k8s.io/v1/namespaces/default/ingresses/${app}`;
    await apply(app, [ingress]);
    await expectHealth(app, "Current");
    const annotations = { "drover.dev/health": "strict" };
    await apply(app, [{ ...ingress, metadata: { ...ingress.metadata, annotations } }]);
    await expectHealth(app, "Progressing", "WaitingForAddress");
    await report(path, { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } });
    await expectHealth(app, "Current");
  });

  it("case 75: a load balancer is progressing until it has an address", async () => {
    const app = fresh();
    const spec = { type: "LoadBalancer", selector: labels, ports: [{ port: 80, protocol: "TCP" }] };
    await apply(app, [inNamespace("v1", "Service", app, { spec })]);
    await expectHealth(app, "Progressing", "WaitingForAddress");
    await report(`/api/v1/namespaces/default/services/${app}`, { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } });
    await expectHealth(app, "Current");
  });

  it("case 76: a stateful set with partition 0 is progressing while pods have the old revision", async () => {
    const app = fresh();
    const path = `/apis/apps/v1/namespaces/default/statefulsets/${app}`;
    const spec = { replicas: 3, serviceName: "web", ...stamped({ containers: [container] }) };
    await apply(app, [inNamespace("apps/v1", "StatefulSet", app, { spec })]);
    expect(field(await agent.get(path), "spec", "updateStrategy", "rollingUpdate", "partition")).toBe(0);
    const all = { observedGeneration: 1, replicas: 3, readyReplicas: 3, currentRevision: "a", updateRevision: "b" };
    await report(path, { ...all, updatedReplicas: 1 });
    await agent.untilReported(app, { objects: [{ health: "Progressing", message: "1 of 3 replicas are updated" }] });
    await report(path, { ...all, updatedReplicas: 3 });
    await expectHealth(app, "Current");
  });

  it("an application's own rule in CEL comes before the rule that is built in, for its objects alone", async () => {
    const [app, other] = [fresh(), fresh()];
    const rules = byRules(
      rule({
        degraded: "object.status.phase == 'Slow'",
        current: "object.status.phase == 'Up'",
        message: "'phase ' + object.status.phase",
      }),
    );
    await apply(app, [custom("Topic", app)], rules);
    await apply(other, [custom("Topic", other)]);
    for (const name of [app, other]) await report(topicPath(name), { phase: "Slow" });
    await agent.untilReported(app, {
      health: "Degraded",
      reason: "HealthRule",
      message: `Topic default/${app}: phase Slow`,
    });
    await agent.untilReported(other, { health: "Current" });
    await report(topicPath(app), { phase: "Up" });
    await agent.untilReported(app, { health: "Current" });
  });

  it("takes up a changed rule at once, and one that cannot be evaluated makes the health unknown", async () => {
    const app = fresh();
    const objects = [custom("Topic", app)];
    await apply(app, objects, byRules(rule({ current: "object.status.phase == 'Up'" })));
    await report(topicPath(app), { phase: "Up" });
    await agent.untilReported(app, { health: "Current" });
    agent.takeRequests();
    agent.hub.assign(app, objects, byRules(rule({ failed: "object.status.phase == 'Up'" })));
    await agent.untilReported(app, { health: "Failed", reason: "HealthRule" });
    agent.hub.assign(app, objects, byRules(rule({ current: "object.status.fase == 'Up'" })));
    await agent.untilReported(app, { health: "Unknown", reason: "HealthRuleFailed" });
    expect(agent.hub.report(app)?.message).toContain("current: column 15 (fase): the object has no such field");
    agent.hub.assign(app, objects);
    await agent.untilReported(app, { health: "Current" });
    expect(agent.takeRequests().filter((request) => request.startsWith("PATCH"))).toEqual([]);
    await agent.restart();
    await agent.untilReported(app, { health: "Current" });
  });

  it("case 77: a newer bundle is applied at once while health is awaited, and its own failure is reported", async () => {
    const app = fresh();
    const path = deploymentPath(app);
    const late = [condition("Progressing", "False", "ProgressDeadlineExceeded")];
    const first = agent.hub.assign(app, [deployment(app, 1)]).bundle;
    await agent.untilReported(app, { bundle: first, applied: first, health: "Progressing" });
    await report(path, { observedGeneration: 1, replicas: 1, updatedReplicas: 1, conditions: late });
    const second = agent.hub.assign(app, [deployment(app, 3)]).bundle;
    await vi.waitFor(async () => expect(field(await agent.get(path), "spec", "replicas")).toBe(3), patience);
    await agent.untilReported(app, { bundle: second, applied: second, health: "Progressing" });
    await report(path, { observedGeneration: 2, replicas: 3, updatedReplicas: 3, conditions: late });
    await agent.untilReported(app, { bundle: second, health: "Failed", reason: "ProgressDeadlineExceeded" });
    const third = agent.hub.assign(app, [deployment(app, 3), custom("Nowhere", app)]).bundle;
    await agent.untilReported(app, { bundle: third, applied: second, health: "Failed" });
  });

  it("case 78: E77: health that changes a hundred times a second is coalesced, and the last state arrives", async () => {
    const app = fresh();
    const path = deploymentPath(app);
    await apply(app, [deployment(app, 1)]);
    await report(path, { observedGeneration: 1, replicas: 1, updatedReplicas: 1 });
    const before = agent.hub.reports.length;
    const started = performance.now();
    let flaps = 0;
    for (; flaps < 200 || performance.now() - started < 2_000; flaps += 1) {
      const readyReplicas = flaps % 2;
      await report(path, { readyReplicas, availableReplicas: readyReplicas });
    }
    const seconds = (performance.now() - started) / 1_000;
    await report(path, { readyReplicas: 1, availableReplicas: 1 });
    await agent.untilReported(app, { health: "Current" });
    const sent = agent.hub.reports.slice(before).filter(({ application }) => application === app);
    // Ten in a row, and one more for each second.
    expect(sent.length).toBeLessThanOrEqual(10 + Math.ceil(seconds) + 2);
    expect(sent.length).toBeLessThan(flaps / 4);
  });
}

describe("agent tells health on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent tells health on the real API server", () => {
  suite("real");
});
