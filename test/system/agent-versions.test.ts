import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, deploymentPath, mapPath } from "./agent-objects.ts";
import { field, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh, apply, uidOf } = shareAgent(server, { prefix: "kinds", started: (running) => void (agent = running) });

  it("case 25: repairs an atomic list that somebody extended, and shares one whose items have keys", async () => {
    const app = fresh();
    await define(app, ["v1"]);
    const list: KubeObject = { ...thing(app, "v1"), spec: { list: ["a"] } };
    const { bundle } = agent.hub.assign(app, [list, deployment(app, 1)]);
    await agent.untilApplied(app, bundle);
    await agent.edit(thingPath(app, "v1"), { spec: { list: ["a", "b"] } });
    await agent.call({
      method: "PATCH",
      path: `${deploymentPath(app)}?fieldManager=injector`,
      contentType: "application/strategic-merge-patch+json",
      body: JSON.stringify({ spec: { template: { spec: { containers: [{ name: "sidecar", image: "sidecar:1" }] } } } }),
    });
    await vi.waitFor(
      async () => expect(field(await agent.get(thingPath(app, "v1")), "spec", "list")).toEqual(["a"]),
      patience,
    );
    const containers = field(await agent.get(deploymentPath(app)), "spec", "template", "spec", "containers");
    expect((containers as { name: string }[]).map(({ name }) => name).toSorted()).toEqual(["sidecar", "web"]);
  });

  it("case 28: case 30: E53: an object keeps its identity across versions, also when the old one is gone", async () => {
    const app = fresh();
    await define(app, ["v1", "v2"]);
    const both = [thing(app, "v1")];
    await agent.untilApplied(app, agent.hub.assign(app, both).bundle);
    const uid = field(await agent.get(thingPath(app, "v1")), "metadata", "uid");
    const entries = async (): Promise<unknown> => {
      const map = await agent.get(`/api/v1/namespaces/drover-system/configmaps/drover-inventory-${app}`);
      return JSON.parse(field(map, "data", "entries") as string);
    };
    await agent.untilApplied(app, agent.hub.assign(app, [thing(app, "v2")]).bundle);
    const live = await agent.get(thingPath(app, "v2"));
    expect(field(live, "metadata", "uid")).toBe(uid);
    const versions = (field(live, "metadata", "managedFields") as JsonRecord[]).map(({ apiVersion }) => apiVersion);
    expect(versions).toEqual([`${app}.drover.dev/v2`]);
    await vi.waitFor(async () => expect(await entries()).toHaveLength(1), patience);
    // Back to the old version, which then goes away underneath.
    await agent.untilApplied(app, agent.hub.assign(app, [thing(app, "v1")]).bundle);
    await agent.stop();
    const versionsLeft = definition(app, ["v2"]).spec.versions;
    await agent.edit(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.${app}.drover.dev`, {
      spec: { versions: versionsLeft },
    });
    const changed = { ...thing(app, "v2"), spec: { size: 2 } };
    const { bundle } = agent.hub.assign(app, [changed]);
    agent.start();
    await agent.untilApplied(app, bundle);
    const after = await agent.get(thingPath(app, "v2"));
    expect(field(after, "metadata", "uid")).toBe(uid);
    expect(field(after, "spec", "size")).toBe(2);
  });

  it.skipIf(server === "embedded")("case 29: does not delete an Ingress that moved to another group", async () => {
    const app = fresh();
    const service = { name: app, port: { number: 80 } };
    const metadata = { name: app, namespace: "default" };
    const backend = { serviceName: app, servicePort: 80 };
    const old = { apiVersion: "extensions/v1beta1", kind: "Ingress", metadata, spec: { backend } };
    const moved = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata,
      spec: { defaultBackend: { service } },
    };
    await agent.untilApplied(app, agent.hub.assign(app, [old]).bundle);
    const path = `/apis/networking.k8s.io/v1/namespaces/default/ingresses/${app}`;
    const uid = field(await agent.get(path), "metadata", "uid");
    await agent.untilApplied(app, agent.hub.assign(app, [moved]).bundle);
    await vi.waitFor(() => expect(agent.hub.report(app)?.objects).toHaveLength(1), patience);
    expect(field(await agent.get(path), "metadata", "uid")).toBe(uid);
    expect(agent.takeRequests().filter((request) => request.startsWith("DELETE"))).toEqual([]);
  });

  const define = async (app: string, versions: readonly string[]): Promise<void> => {
    await agent.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(app, versions));
    await vi.waitFor(async () => {
      expect(await agent.get(`/apis/${app}.drover.dev/${versions.at(-1)}/things`)).toBeDefined();
    }, patience);
  };

  it("E37: going back to a revision before keeps data, and a definition that others use by then, and makes nothing anew", async () => {
    const app = fresh();
    const [map, claim] = [`${app}-map`, `/api/v1/namespaces/default/persistentvolumeclaims/${app}`];
    const before = [configMap(map, { old: "1" }), configMap(`${app}-rest`, {})];
    await apply(app, before);
    const uid = await uidOf(mapPath(map));
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    await apply(app, [
      definition(app, ["v1"]),
      { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: app, namespace: "default" }, spec },
      configMap(`${app}-added`, {}),
      configMap(map, { old: "2", more: "1" }),
      configMap(`${app}-rest`, {}),
    ]);
    await agent.create(`/apis/${app}.drover.dev/v1/namespaces/default/things`, thing(app, "v1"));
    agent.hub.assign(app, before);
    await vi.waitFor(async () => {
      expect(await agent.get(mapPath(`${app}-added`))).toBeUndefined();
      expect(agent.hub.report(app)).toMatchObject({ phase: "applied", heldPrune: { objects: 2 } });
    }, patience);
    expect(field(await agent.get(mapPath(map)), "data")).toEqual({ old: "1" });
    expect(await uidOf(mapPath(map))).toBe(uid);
    for (const path of [thingPath(app, "v1"), claim]) {
      const live = await agent.get(path);
      expect([live === undefined, field(live, "metadata", "deletionTimestamp")]).toEqual([false, undefined]);
    }
  });
}

const thing = (app: string, version: string): KubeObject => ({
  apiVersion: `${app}.drover.dev/${version}`,
  kind: "Thing",
  metadata: { name: app, namespace: "default" },
  spec: { size: 1 },
});
const thingPath = (app: string, version: string): string =>
  `/apis/${app}.drover.dev/${version}/namespaces/default/things/${app}`;

/** A kind in several versions, of which the last is stored. */
function definition(app: string, versions: readonly string[]) {
  const list = { type: "array", items: { type: "string" } };
  const spec = { type: "object", properties: { size: { type: "integer" }, list } };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec } } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${app}.drover.dev` },
    spec: {
      group: `${app}.drover.dev`,
      scope: "Namespaced",
      names: { kind: "Thing", plural: "things", singular: "thing", listKind: "ThingList" },
      versions: versions.map((name, index) => ({ name, served: true, storage: index === versions.length - 1, schema })),
    },
  };
}

describe("agent keeps objects across versions on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent keeps objects across versions on the real API server", () => {
  suite("real");
});
