import type { JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import {
  configMap,
  definition,
  deployment,
  deploymentOf,
  deploymentPath,
  described,
  gadget,
  gadgets,
  mapPath,
  secret,
  service,
} from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

/** An object as somebody may have written it, in the form that a hub hands out. */
function asHubDoes(object: object): KubeObject {
  return canonicalize(object as KubeObject);
}

const rbac = "rbac.authorization.k8s.io";
const bindingPath = (name: string): string => `/apis/${rbac}/v1/namespaces/default/rolebindings/${name}`;
const policyPath = (name: string): string => `/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/${name}`;
const servicePath = (name: string): string => `/api/v1/namespaces/default/services/${name}`;

/** What `kubectl get -o yaml` and careless templates leave in manifests. */
function withEmpties(name: string): readonly KubeObject[] {
  const metadata = { name, namespace: "default", creationTimestamp: null, annotations: {}, labels: null };
  const labels = { app: name };
  const container = { name: "web", image: "nginx:1", env: [], resources: {}, command: null, volumeMounts: [] };
  const volumes = [{ name: "scratch", emptyDir: {} }];
  const spec = { containers: [container], volumes, securityContext: {}, nodeSelector: {}, tolerations: null };
  const template = { metadata: { labels, creationTimestamp: null }, spec };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: labels }, strategy: {}, template },
      status: {},
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1", gone: null }, binaryData: {} },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      subjects: [],
      roleRef: { apiGroup: rbac, kind: "Role", name },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata,
      spec: { podSelector: {}, ingress: [], egress: null, policyTypes: ["Ingress"] },
    },
  ].map(asHubDoes);
}

function specOf(object: KubeObject): JsonRecord {
  return object["spec"] as JsonRecord;
}

const machines = ((): KubeObject => {
  const made = definition("writes.drover.dev", "Machine", "Namespaced");
  const versions = (specOf(made)["versions"] as JsonRecord[]).map((version) => ({
    ...version,
    subresources: { status: {} },
  }));
  return { ...made, spec: { ...specOf(made), versions } };
})();

function suite(server: Server): void {
  let agent: LoneAgent;
  // Nobody else writes, so that a version tells of the agent alone.
  const { fresh, apply, versionsOf, writesTo, untilHealed } = shareAgent(server, {
    prefix: "write",
    controllers: false,
    started: (running) => void (agent = running),
  });
  /** Until what the agent does from now on would get another time in managed fields, which keep whole seconds. */
  const nextSecond = async (): Promise<void> => {
    const second = Math.floor(Date.now() / 1_000);
    await vi.waitFor(() => expect(Math.floor(Date.now() / 1_000)).toBeGreaterThan(second), patience);
  };
  /** Waits until each of the objects was applied once more, whoever asked for it. */
  const untilAppliedAgain = async (paths: readonly string[]): Promise<void> => {
    const answered = new Set<string>();
    await vi.waitFor(() => {
      for (const request of agent.takeAnswered()) answered.add(request.split("?")[0] ?? "");
      expect([...answered]).toEqual(expect.arrayContaining(paths.map((path) => `PATCH ${path}`)));
    }, patience);
  };

  it("case 2: nulls and empties in a manifest change nothing when it is applied again, whatever the reason", async () => {
    const app = fresh();
    const objects = withEmpties(app);
    const paths = [deploymentPath(app), mapPath(app), bindingPath(app), policyPath(app)];
    await apply(app, [...objects, configMap(`${app}-other`, { a: "1" })]);
    const before = await versionsOf(paths);
    expect(before).not.toContain(undefined);
    for (const syncRequest of [1, 2, 3]) {
      await nextSecond();
      agent.takeAnswered();
      agent.hub.assign(app, [...objects, configMap(`${app}-other`, { a: "1" })], { syncRequest });
      await untilAppliedAgain(paths);
      expect(await versionsOf(paths)).toEqual(before);
    }
    await nextSecond();
    agent.takeRequests();
    const { bundle } = agent.hub.assign(app, [...objects, configMap(`${app}-other`, { a: "2" })], { syncRequest: 3 });
    await agent.untilApplied(app, bundle);
    await agent.restart();
    await untilHealed(`${app}-other`, { a: "2" });
    expect(writesTo(app)).toEqual([]);
    agent.takeAnswered();
    await agent.restart({ loseDisk: true });
    await untilAppliedAgain(paths);
    expect(await versionsOf(paths)).toEqual(before);
  });

  it("case 3: quantities are live in the server's words, and no difference to Git", async () => {
    const app = fresh();
    const limits = { cpu: "1000m", memory: "1024Mi" };
    const object = asHubDoes(deploymentOf(app, { resources: { limits, requests: { cpu: "0.5", memory: "0.5Gi" } } }));
    await apply(app, [object, configMap(app, { a: "1" })]);
    const before = await versionsOf([deploymentPath(app)]);
    await nextSecond();
    agent.takeRequests();
    await apply(app, [object, configMap(app, { a: "2" })]);
    await agent.restart();
    await untilHealed(app, { a: "2" });
    expect(writesOf(agent.takeRequests()).filter((request) => request.includes("/deployments/"))).toEqual([]);
    expect(await versionsOf([deploymentPath(app)])).toEqual(before);
    const { result } = await agent.hub.inspect(app, "diff");
    expect(JSON.parse(new TextDecoder().decode(result))).toMatchObject({ identical: 2, objects: [] });
    const workload = agent.hub.report(app)?.objects.find(({ key }) => key.kind === "Deployment");
    expect(workload).toMatchObject({ apply: "applied" });
    expect(workload).not.toHaveProperty("drift");
  });

  it("case 4: status in a manifest is never written, and its being different is no drift", async () => {
    const app = fresh();
    const machine = {
      apiVersion: "writes.drover.dev/v1",
      kind: "Machine",
      metadata: { name: app, namespace: "default" },
      spec: { size: 1 },
    };
    const status = { replicas: 7, observedGeneration: 99 };
    await apply(app, [machines, ...[machine, deployment(app, 1)].map((object) => asHubDoes({ ...object, status }))]);
    const paths = [`/apis/writes.drover.dev/v1/namespaces/default/machines/${app}`, deploymentPath(app)];
    for (const path of paths) expect(field(await agent.get(path), "status", "replicas")).toBeUndefined();
    agent.takeRequests();
    for (const path of paths) await agent.edit(`${path}/status`, { status: { replicas: 3, observedGeneration: 1 } });
    // A change that is drift shows that the agent has seen the one that is none.
    for (const path of paths) await agent.edit(path, { metadata: { labels: { "drover.dev/application": "theirs" } } });
    await vi.waitFor(async () => {
      for (const path of paths) {
        expect(field(await agent.get(path), "metadata", "labels", "drover.dev/application")).toBe(app);
      }
    }, patience);
    for (const path of paths) expect(field(await agent.get(path), "status", "replicas")).toBe(3);
    expect(writesTo(app)).toHaveLength(2);
    const drifts = agent.hub.report(app)?.objects.flatMap(({ drift }) => drift?.paths ?? []);
    expect(drifts?.filter((path) => path.startsWith("status"))).toEqual([]);
  });

  it("case 5: a key that leaves stringData in Git leaves the live secret", async () => {
    const app = fresh();
    const path = `/api/v1/namespaces/default/secrets/${app}`;
    const textual = (stringData: object) => asHubDoes({ ...secret(app, { kept: "1" }), stringData });
    await apply(app, [textual({ stays: "2", leaves: "3" })]);
    expect(field(await agent.get(path), "data")).toEqual({ kept: btoa("1"), stays: btoa("2"), leaves: btoa("3") });
    await apply(app, [textual({ stays: "2" })]);
    expect(field(await agent.get(path), "data")).toEqual({ kept: btoa("1"), stays: btoa("2") });
  });

  it("case 6: ports without a protocol are taken, and next to others of the same number", async () => {
    const app = fresh();
    const ports = [
      { name: "dns", port: 53 },
      { name: "dns-udp", port: 53, protocol: "UDP" },
    ];
    const open = { ...service(app, 53), spec: { selector: { app }, ports } };
    const container = { ports: ports.map(({ port, ...rest }) => ({ ...rest, containerPort: port })) };
    await apply(app, [asHubDoes(open), asHubDoes(deploymentOf(app, container))]);
    expect(field(await agent.get(servicePath(app)), "spec", "ports")).toMatchObject([
      { name: "dns", port: 53, protocol: "TCP" },
      { name: "dns-udp", port: 53, protocol: "UDP" },
    ]);
  });

  it("case 10: managed fields in a manifest, even none of them, are no part of it", async () => {
    const app = fresh();
    const entry = { manager: "kubectl", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: {} };
    const objects = [[], [entry]].map((managedFields, index) =>
      asHubDoes(described(configMap(`${app}-${index}`, { a: "1" }), { managedFields })),
    );
    await apply(app, objects);
    expect(await agent.get(mapPath(`${app}-0`))).toMatchObject({ data: { a: "1" } });
  });

  it("case 13: a cluster-scoped object that names a namespace is applied without one, whoever knows its scope", async () => {
    const app = fresh();
    const role = { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name: app, namespace: "nowhere" } };
    const lost = described(gadget(app), { namespace: "nowhere" });
    // The scope of a Gadget is only known once its definition is there; the raw role is a hostile hub's.
    await apply(app, [asHubDoes(lost), gadgets, role, described(asHubDoes(role), { name: `${app}-2` })]);
    for (const path of [
      `/apis/parts.drover.dev/v1/gadgets/${app}`,
      `/apis/${rbac}/v1/clusterroles/${app}`,
      `/apis/${rbac}/v1/clusterroles/${app}-2`,
    ]) {
      const live = await agent.get(path);
      expect(live).toBeDefined();
      expect(field(live, "metadata", "namespace")).toBeUndefined();
    }
    expect(agent.hub.report(app)?.objects.map(({ key }) => key.namespace)).toEqual(["", "", "", ""]);
  });

  it("case 17: finalizers and labels that leave Git go, and those of others stay", async () => {
    const app = fresh();
    const finalizers = ["test.drover.dev/ours", "test.drover.dev/kept"];
    await apply(app, [described(configMap(app, {}), { finalizers, labels: { tier: "web", stage: "live" } })]);
    await agent.edit(mapPath(app), {
      metadata: { finalizers: [...finalizers, "test.drover.dev/theirs"], labels: { theirs: "1" } },
    });
    await apply(app, [described(configMap(app, {}), { finalizers: finalizers.slice(1), labels: { tier: "web" } })]);
    const live = await agent.get(mapPath(app));
    expect(field(live, "metadata", "finalizers")).toEqual(["test.drover.dev/kept", "test.drover.dev/theirs"]);
    expect(field(live, "metadata", "labels")).toEqual({
      tier: "web",
      theirs: "1",
      "drover.dev/application": app,
      "drover.dev/owner": expect.any(String),
    });
    await agent.edit(mapPath(app), { metadata: { finalizers: null } });
  });

  it("case 18: E48: labels, annotations, variables and list items that others add stay, and are no drift", async () => {
    const app = fresh();
    const web = { env: [{ name: "OURS", value: "1" }], ports: [{ containerPort: 80, protocol: "TCP" }] };
    await apply(app, [deploymentOf(app, web), service(app, 80), configMap(app, { a: "1" })]);
    agent.takeRequests();
    const metadata = { labels: { theirs: "1" }, annotations: { theirs: "1" } };
    const more = {
      env: [...web.env, { name: "THEIRS", value: "2" }],
      ports: [...web.ports, { containerPort: 81, protocol: "TCP" }],
    };
    const containers = [
      { name: "web", image: "nginx:1", ...more },
      { name: "sidecar", image: "envoy:1" },
    ];
    await agent.edit(deploymentPath(app), { metadata, spec: { template: { spec: { containers } } } });
    const ports = [
      { name: "http", port: 80, protocol: "TCP" },
      { name: "more", port: 81, protocol: "TCP" },
    ];
    await agent.edit(servicePath(app), { metadata, spec: { ports } });
    await agent.edit(mapPath(app), { metadata, data: { theirs: "1" } });
    // A drift of each shows that the agent has seen what came before it.
    for (const path of [deploymentPath(app), servicePath(app), mapPath(app)]) {
      await agent.edit(path, { metadata: { labels: { "drover.dev/application": "theirs" } } });
    }
    const repaired = {
      apply: "applied",
      drift: { paths: ["metadata.labels[drover.dev/application]"], repaired: true },
    };
    await agent.untilReported(app, { objects: [repaired, repaired, repaired] });
    expect(writesTo(app)).toHaveLength(3);
    const live = await agent.get(deploymentPath(app));
    expect(live).toMatchObject({ metadata, spec: { template: { spec: { containers } } } });
    expect(field(await agent.get(servicePath(app)), "spec", "ports")).toMatchObject(ports);
    expect(await agent.get(mapPath(app))).toMatchObject({ metadata, data: { a: "1", theirs: "1" } });
  });
}

describe("agent writes to the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent writes to the real API server", () => {
  suite("real");
});
