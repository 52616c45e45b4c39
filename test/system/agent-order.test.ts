import { at } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

function annotated(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const conditions = { type: "array", items: open };

/** A kind whose readiness nobody but the test decides. */
const machines: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "machines.order.drover.dev" },
  spec: {
    group: "order.drover.dev",
    scope: "Namespaced",
    names: { kind: "Machine", plural: "machines", singular: "machine", listKind: "MachineList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: open, status: { type: "object", properties: { conditions } } },
          },
        },
      },
    ],
  },
};

function machine(name: string): KubeObject {
  const metadata = { name, namespace: "default" };
  return { apiVersion: "order.drover.dev/v1", kind: "Machine", metadata, spec: { size: 1 } };
}

const machinePath = (name: string): string => `/apis/order.drover.dev/v1/namespaces/default/machines/${name}`;

function suite(server: Server): void {
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent(server);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  /** What the controller of machines would say once one is up. */
  const becomeReady = async (name: string): Promise<void> => {
    await agent.edit(`${machinePath(name)}/status`, { status: { conditions: [{ type: "Ready", status: "True" }] } });
  };

  const uidOf = async (path: string): Promise<unknown> => at(await agent.get(path), "metadata", "uid");

  it("applies a wave once the one before is ready, and says meanwhile what it waits for", async () => {
    const second = annotated(configMap("second-wave", {}), { "argocd.argoproj.io/sync-wave": "1" });
    const { bundle } = agent.hub.assign("waves", [second, machines, machine("first-wave")]);
    await agent.untilReported("waves", {
      phase: "applying",
      objects: [
        {
          apply: "pending",
          reason: "WaitingForDependency",
          message: expect.stringContaining(
            "waits for wave 0: Machine.order.drover.dev default/first-wave is not ready",
          ),
        },
        { apply: "applied" },
        { apply: "applied" },
      ],
    });
    expect(await agent.get(mapPath("second-wave"))).toBeUndefined();
    await becomeReady("first-wave");
    await agent.untilApplied("waves", bundle);
  });

  it("applies an object once what it depends on is ready", async () => {
    const top = annotated(configMap("top", {}), { "drover.dev/depends-on": "Machine.order.drover.dev default/base" });
    const { bundle } = agent.hub.assign("depends", [top, machine("base")]);
    await agent.untilReported("depends", { objects: [{ reason: "WaitingForDependency" }, { apply: "applied" }] });
    // What waits is still what waits after a restart.
    await agent.restart();
    await agent.untilReported("depends", { objects: [{ reason: "WaitingForDependency" }, { apply: "applied" }] });
    await becomeReady("base");
    await agent.untilApplied("depends", bundle);
  });

  it("calls a wait a failure once it has lasted too long, and goes on by itself when it ends", async () => {
    const next = annotated(configMap("patient", {}), { "argocd.argoproj.io/sync-wave": "1" });
    const options = { sync: { gateTimeoutMs: 300 } };
    const { bundle } = agent.hub.assign("stuck", [next, machine("slow")], options);
    await agent.untilReported("stuck", {
      phase: "failed",
      reason: "DependencyStuck",
      objects: [{ apply: "failed", reason: "DependencyStuck" }, { apply: "applied" }],
    });
    await becomeReady("slow");
    await agent.untilApplied("stuck", bundle);
  });

  it("leaves a wait behind for a newer bundle", async () => {
    const next = annotated(configMap("impatient", {}), { "argocd.argoproj.io/sync-wave": "1" });
    agent.hub.assign("behind", [next, machine("never")], { sync: { gateTimeoutMs: 300 } });
    await agent.untilReported("behind", { phase: "failed", reason: "DependencyStuck" });
    const { bundle } = agent.hub.assign("behind", [next]);
    await agent.untilApplied("behind", bundle);
    await vi.waitFor(async () => expect(await agent.get(machinePath("never"))).toBeUndefined(), patience);
  });

  it("E40: names a dependency that is not there, and applies the rest", async () => {
    const lost = annotated(configMap("lost", {}), { "drover.dev/depends-on": "Secret default/none" });
    agent.hub.assign("missing", [lost, configMap("found", {})]);
    await agent.untilReported("missing", {
      phase: "failed",
      objects: [
        { reason: "DependencyMissing", message: expect.stringContaining("Secret default/none") },
        { apply: "applied" },
      ],
    });
    expect(await agent.get(mapPath("found"))).toBeDefined();
  });

  it("repairs one object while others of its application wait or are refused", async () => {
    const waiting = annotated(configMap("waiting", {}), { "drover.dev/depends-on": "Secret default/none" });
    const refused = { ...configMap("refused", {}), data: { "not a key": "1" } };
    agent.hub.assign("busy", [waiting, refused, configMap("edited", { a: "1" })]);
    await agent.untilReported("busy", { phase: "failed" });
    await agent.edit(mapPath("edited"), { data: { a: "2" } });
    await vi.waitFor(async () => {
      expect(await agent.get(mapPath("edited"))).toMatchObject({ data: { a: "1" } });
    }, patience);
  });

  describe("an application that depends on another", () => {
    const waiting = (message: unknown) => ({ phase: "applying", reason: "WaitingForApplication", message });
    const dependsOn = (...names: readonly string[]) => ({ sync: { dependsOn: names } });

    it("E40, E80: takes its first bundle once the other is current, and says meanwhile what it waits for", async () => {
      agent.hub.assign("shop", [configMap("dep-shop", { round: "1" })], dependsOn("db"));
      await agent.untilReported("shop", waiting("it depends on db, which is not to run on this cluster"));
      agent.hub.assign("db", [machine("dep-db")]);
      await agent.untilReported(
        "shop",
        waiting(expect.stringContaining("waits for db: Machine.order.drover.dev default/dep-db is not ready")),
      );
      await agent.restart();
      await agent.untilReported("shop", waiting(expect.stringContaining("waits for db")));
      expect(await agent.get(mapPath("dep-shop"))).toBeUndefined();
      await becomeReady("dep-db");
      await agent.untilReported("shop", { phase: "applied", reason: "" });
      expect(await agent.get(mapPath("dep-shop"))).toMatchObject({ data: { round: "1" } });
    });

    it("E41: keeps and heals the bundle before while it waits, and goes on when the other's newest is ready", async () => {
      agent.hub.assign("db", [machine("dep-db"), machine("dep-replica")]);
      await agent.untilReported("db", { phase: "applied", health: "Progressing" });
      const { bundle } = agent.hub.assign("shop", [configMap("dep-shop", { round: "2" })], dependsOn("db"));
      await agent.untilReported("shop", waiting(expect.stringContaining("dep-replica is not ready")));
      await agent.edit(mapPath("dep-shop"), { data: { round: "mine" } });
      await vi.waitFor(async () => {
        expect(await agent.get(mapPath("dep-shop"))).toMatchObject({ data: { round: "1" } });
      }, patience);
      await becomeReady("dep-replica");
      await agent.untilApplied("shop", bundle);
    });

    it("is held up by no trouble of the other that comes later", async () => {
      const status = { status: { conditions: [{ type: "Ready", status: "False" }] } };
      await agent.edit(`${machinePath("dep-db")}/status`, status);
      await agent.untilReported("db", { health: expect.stringMatching(/Progressing|Degraded|Failed/u) });
      await agent.edit(mapPath("dep-shop"), { data: { round: "mine" } });
      await vi.waitFor(async () => {
        expect(await agent.get(mapPath("dep-shop"))).toMatchObject({ data: { round: "2" } });
      }, patience);
    });

    it("E40: fails once it has waited too long, and goes on by itself all the same", async () => {
      const { bundle } = agent.hub.assign("shop", [configMap("dep-shop", { round: "3" })], {
        sync: { dependsOn: ["db"], gateTimeoutMs: 1_000 },
      });
      await agent.untilReported("shop", {
        phase: "failed",
        reason: "DependencyStuck",
        message: expect.stringContaining("more than 1s: waits for db"),
      });
      await becomeReady("dep-db");
      await agent.untilApplied("shop", bundle);
    });

    it("E40: keeps what it has when the other is deleted, and takes nothing new before that is back", async () => {
      agent.hub.bury("db", { confirmPrune: "" });
      await agent.untilReported("db", { phase: "removed" });
      const { bundle } = agent.hub.assign("shop", [configMap("dep-shop", { round: "4" })], dependsOn("db"));
      await agent.untilReported("shop", waiting("it depends on db, which is not to run on this cluster"));
      await agent.edit(mapPath("dep-shop"), { data: { round: "mine" } });
      await vi.waitFor(async () => {
        expect(await agent.get(mapPath("dep-shop"))).toMatchObject({ data: { round: "3" } });
      }, patience);
      agent.hub.assign("db", [configMap("dep-db-again", {})]);
      await agent.untilApplied("shop", bundle);
    });

    it("keeps what another application would delete as long as it may want it", async () => {
      agent.hub.assign("from", [configMap("dep-moved", { round: "1" }), configMap("dep-stays", {})]);
      await agent.untilReported("from", { phase: "applied" });
      const uid = await uidOf(mapPath("dep-moved"));
      agent.hub.assign("to", [configMap("dep-moved", { round: "1" })], dependsOn("later"));
      await agent.untilReported("to", waiting(expect.stringContaining("later")));
      agent.hub.assign("from", [configMap("dep-stays", {})]);
      await agent.untilReported("from", {
        objects: expect.arrayContaining([expect.objectContaining({ reason: "HandingOver" })]),
      });
      agent.hub.assign("later", [configMap("dep-later", {})]);
      await agent.untilReported("to", { phase: "applied" });
      expect(await uidOf(mapPath("dep-moved"))).toBe(uid);
    });
  });
}

describe("agent orders what it applies on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent orders what it applies on the real API server", () => {
  suite("real");
});
