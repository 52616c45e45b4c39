import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, mapPath } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 20_000, interval: 20 } as const;
const optIn = { "drover.dev/recreate": "true" } as const;

function annotate(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function statefulSet(name: string, { replicas, size }: { replicas: number; size: string }): KubeObject {
  const labels = { app: name };
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: size } } },
  };
  const spec = {
    replicas,
    serviceName: name,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "nginx:1" }] } },
    volumeClaimTemplates: [claim],
  };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name, namespace: "default" }, spec };
}

function job(name: string, image: string): KubeObject {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image }] } };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name, namespace: "default" }, spec: { template } };
}

function service(name: string, clusterIP: string): KubeObject {
  const spec = { clusterIP, selector: { app: name }, ports: [{ name: "http", port: 80, protocol: "TCP" }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

function roleBinding(name: string, role: string): KubeObject {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role };
  const subjects = [{ kind: "ServiceAccount", name: "default", namespace: "default" }];
  const metadata = { name, namespace: "default" };
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata, roleRef, subjects };
}

function claim(name: string, mode: string): KubeObject {
  const spec = { accessModes: [mode], resources: { requests: { storage: "1Gi" } }, storageClassName: "none" };
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, namespace: "default" }, spec };
}

/** A kind of which a field is fixed: an object as it is, and with another value there. */
interface Fixed {
  readonly path: (name: string) => string;
  readonly before: (name: string) => KubeObject;
  readonly after: (name: string) => KubeObject;
  /** What the refusal names. */
  readonly field: string;
}

const fixed: Readonly<Record<string, Fixed>> = {
  Deployment: {
    path: (name) => `/apis/apps/v1/namespaces/default/deployments/${name}`,
    before: (name) => deployment(name, 0),
    after: (name) => deployment(name, 0, `${name}-2`),
    field: "spec.selector",
  },
  StatefulSet: {
    path: (name) => `/apis/apps/v1/namespaces/default/statefulsets/${name}`,
    before: (name) => statefulSet(name, { replicas: 0, size: "1Gi" }),
    after: (name) => statefulSet(name, { replicas: 0, size: "2Gi" }),
    field: "spec",
  },
  Job: {
    path: (name) => `/apis/batch/v1/namespaces/default/jobs/${name}`,
    before: (name) => job(name, "busybox:1"),
    after: (name) => job(name, "busybox:2"),
    field: "spec.template",
  },
  ConfigMap: {
    path: (name) => `/api/v1/namespaces/default/configmaps/${name}`,
    before: (name) => ({ ...configMap(name, { a: "1" }), immutable: true }),
    after: (name) => ({ ...configMap(name, { a: "2" }), immutable: true }),
    field: "data",
  },
  Service: {
    path: (name) => `/api/v1/namespaces/default/services/${name}`,
    before: (name) => service(name, "10.0.0.201"),
    after: (name) => service(name, "10.0.0.202"),
    field: "spec.clusterIP",
  },
  RoleBinding: {
    path: (name) => `/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/${name}`,
    before: (name) => roleBinding(name, "view"),
    after: (name) => roleBinding(name, "edit"),
    field: "roleRef",
  },
};

/** Every server refuses it, whatever else the object says. */
function invalid(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, labels: { tier: "no label value!" } } };
}

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, uidOf } = shareAgent(server, {
    prefix: "recreate",
    controllers: true,
    started: (running) => void (agent = running),
  });
  const deletionsOf = (name: string): readonly string[] =>
    writesOf(agent.takeRequests()).filter((request) => request.startsWith("DELETE ") && request.endsWith(`/${name}`));
  /** Applies the object, and returns the uid that it got. */
  const apply = async (app: string, object: KubeObject, path: string): Promise<unknown> => {
    await agent.untilApplied(app, agent.hub.assign(app, [object]).bundle);
    return uidOf(path);
  };

  it.each(Object.entries(fixed))(
    "case 32: %s: without opt-in names the field and the remedy, and leaves the live object as it is",
    async (_, { path, before, after, field: changed }) => {
      const app = fresh();
      const uid = await apply(app, before(app), path(app));
      agent.takeRequests();
      agent.hub.assign(app, [after(app)]);
      await agent.untilReported(app, { phase: "failed", objects: [{ apply: "failed", reason: "Immutable" }] });
      const message = agent.hub.report(app)?.objects[0]?.message;
      expect(message).toContain(changed);
      expect(message).toContain('drover.dev/recreate: "true"');
      expect(await uidOf(path(app))).toBe(uid);
      expect(deletionsOf(app)).toEqual([]);
      agent.hub.bury(app);
      await agent.untilReported(app, { phase: "removed" });
    },
  );

  it.each(Object.entries(fixed))(
    "case 34: %s: with opt-in deletes nothing for an object that is invalid, whether or not a fixed field changed too",
    async (_, { path, before, after }) => {
      const app = fresh();
      const uid = await apply(app, before(app), path(app));
      agent.takeRequests();
      for (const object of [before(app), after(app)]) {
        const { bundle } = agent.hub.assign(app, [annotate(invalid(object), optIn)]);
        await agent.untilReported(app, { bundle, phase: "failed", objects: [{ apply: "failed", reason: "Invalid" }] });
        expect(await uidOf(path(app))).toBe(uid);
      }
      expect(deletionsOf(app)).toEqual([]);
      agent.hub.bury(app);
      await agent.untilReported(app, { phase: "removed" });
    },
  );

  it.each(Object.entries(fixed))(
    "case 33, E49: %s: with opt-in is deleted once and made anew, and is in order afterwards",
    async (_, { path, before, after }) => {
      const app = fresh();
      const uid = await apply(app, before(app), path(app));
      agent.takeRequests();
      const renewed = await apply(app, annotate(after(app), optIn), path(app));
      expect(renewed).not.toBe(uid);
      expect(renewed).toBeDefined();
      expect(deletionsOf(app)).toHaveLength(1);
      expect(agent.hub.report(app)?.objects).toMatchObject([{ apply: "applied" }]);
      agent.hub.bury(app);
      await agent.untilReported(app, { phase: "removed" });
      expect(await agent.get(path(app))).toBeUndefined();
    },
  );

  it("R20: deletes what it was making anew when it left the bundle", async () => {
    const app = fresh();
    const both = [configMap("late-made", {}), configMap("made-rest", {})];
    await agent.untilApplied(app, agent.hub.assign(app, both).bundle);
    let raced = false;
    agent.beforeRequest(async ({ method, path }) => {
      if (method !== "PATCH" || raced || !path.includes("/configmaps/late-made")) return;
      raced = true;
      agent.hub.assign(app, [configMap("made-rest", {})]);
      await agent.untilReported(app, { objects: [{ key: { name: "late-made" }, apply: "pruning" }, {}] });
    });
    await agent.remove(mapPath("late-made"));
    await agent.untilReported(app, { phase: "applied", objects: [{ key: { name: "made-rest" }, apply: "applied" }] });
    expect(raced).toBe(true);
    expect(await agent.get(mapPath("late-made"))).toBeUndefined();
  });

  it("case 33: opts in for all objects of an application, and continues with the others when one may not", async () => {
    const app = fresh();
    const before = [deployment(`${app}-a`, 0), deployment(`${app}-b`, 0)];
    const after = [
      deployment(`${app}-a`, 0, "other"),
      annotate(deployment(`${app}-b`, 0, "other"), { "drover.dev/recreate": "false" }),
    ];
    const path = (name: string): string => `/apis/apps/v1/namespaces/default/deployments/${name}`;
    await agent.untilApplied(app, agent.hub.assign(app, before).bundle);
    const [a, b] = [await uidOf(path(`${app}-a`)), await uidOf(path(`${app}-b`))];
    agent.hub.assign(app, after, { sync: { recreate: true } });
    await agent.untilReported(app, { objects: [{ apply: "failed", reason: "Immutable" }, { apply: "applied" }] });
    expect(await uidOf(path(`${app}-a`))).not.toBe(a);
    expect(await uidOf(path(`${app}-b`))).toBe(b);
  });

  it("case 33: pods and claims of a StatefulSet outlive it and are taken over by the new one", async () => {
    const app = fresh();
    const path = `/apis/apps/v1/namespaces/default/statefulsets/${app}`;
    const podPath = `/api/v1/namespaces/default/pods/${app}-0`;
    const claimPath = `/api/v1/namespaces/default/persistentvolumeclaims/data-${app}-0`;
    const set = (size: string): KubeObject => annotate(statefulSet(app, { replicas: 1, size }), optIn);
    const first = await apply(app, set("1Gi"), path);
    await vi.waitFor(async () => expect(await uidOf(podPath)).toBeDefined(), patience);
    const [pod, volume] = [await uidOf(podPath), await uidOf(claimPath)];
    expect(volume).toBeDefined();
    const second = await apply(app, set("2Gi"), path);
    expect(second).not.toBe(first);
    await vi.waitFor(async () => {
      const owners = field(await agent.get(podPath), "metadata", "ownerReferences");
      expect(owners).toMatchObject([{ uid: second }]);
    }, patience);
    expect(await uidOf(podPath)).toBe(pod);
    expect(await uidOf(claimPath)).toBe(volume);
  });

  it("case 33: a PersistentVolumeClaim is never made anew, even when both opt in", async () => {
    const app = fresh();
    const path = `/api/v1/namespaces/default/persistentvolumeclaims/${app}`;
    const uid = await apply(app, claim(app, "ReadWriteOnce"), path);
    agent.takeRequests();
    agent.hub.assign(app, [annotate(claim(app, "ReadOnlyMany"), optIn)], { sync: { recreate: true } });
    await agent.untilReported(app, { objects: [{ apply: "failed", reason: "Immutable" }] });
    expect(agent.hub.report(app)?.objects[0]?.message).toContain("a PersistentVolumeClaim is never deleted for that");
    expect(await uidOf(path)).toBe(uid);
    expect(deletionsOf(app)).toEqual([]);
  });

  it.each([{ loseDisk: false }, { loseDisk: true }])(
    "case 33: an agent that ends after the deletion makes the object when it is back, and deletes nothing twice: %o",
    async ({ loseDisk }) => {
      const app = fresh();
      const path = `/api/v1/namespaces/default/configmaps/${app}`;
      const map = (a: string): KubeObject => annotate({ ...configMap(app, { a }), immutable: true }, optIn);
      await apply(app, map("1"), path);
      await agent.edit(path, { metadata: { finalizers: ["test.drover.dev/hold"] } });
      agent.takeRequests();
      const { bundle } = agent.hub.assign(app, [map("2")]);
      await agent.untilReported(app, { phase: "applying", objects: [{ apply: "pending", reason: "Recreating" }] });
      await agent.stop();
      await agent.edit(path, { metadata: { finalizers: null } });
      expect(await agent.get(path)).toBeUndefined();
      await agent.restart({ loseDisk });
      await agent.untilApplied(app, bundle);
      expect(field(await agent.get(path), "data")).toEqual({ a: "2" });
      expect(deletionsOf(app)).toHaveLength(1);
    },
  );

  it("case 33: what somebody made in place of ours is left alone", async () => {
    const app = fresh();
    const path = `/api/v1/namespaces/default/configmaps/${app}`;
    const map = (a: string): KubeObject => annotate({ ...configMap(app, { a }), immutable: true }, optIn);
    await apply(app, map("1"), path);
    await agent.stop();
    await agent.remove(path);
    await agent.create("/api/v1/namespaces/default/configmaps", {
      ...configMap(app, { a: "theirs" }),
      immutable: true,
    });
    const uid = await uidOf(path);
    agent.takeRequests();
    agent.hub.assign(app, [map("2")]);
    agent.start();
    await agent.untilReported(app, { objects: [{ apply: "failed", reason: "Immutable" }] });
    expect(agent.hub.report(app)?.objects[0]?.message).toContain("somebody else made it");
    expect(await uidOf(path)).toBe(uid);
    expect(deletionsOf(app)).toEqual([]);
  });
}

describe("agent makes objects anew on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig(
  "kube-apiserver",
  "etcd",
  "kube-controller-manager",
)("agent makes objects anew on the real API server", () => {
  suite("real");
});
