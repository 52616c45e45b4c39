import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, deploymentPath, mapPath } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

function annotated(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function suite(server: Server): void {
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent(server);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  /** What a Deployment's controller would say once all replicas are there. */
  const becomeReady = async (name: string): Promise<void> => {
    const conditions = [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
    ];
    const status = {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      conditions,
    };
    const answer = await agent.call({
      method: "PATCH",
      path: `${deploymentPath(name)}/status`,
      contentType: "application/merge-patch+json",
      body: JSON.stringify({ status }),
    });
    expect(answer.kind).toBe("ok");
  };

  it("applies a wave once the one before is ready, and says meanwhile what it waits for", async () => {
    const second = annotated(configMap("second-wave", {}), { "argocd.argoproj.io/sync-wave": "1" });
    const { bundle } = agent.hub.assign("waves", [second, deployment("first-wave", 1)]);
    await agent.untilReported("waves", {
      phase: "applying",
      objects: [
        {
          apply: "pending",
          reason: "WaitingForDependency",
          message: expect.stringContaining("waits for wave 0: Deployment.apps default/first-wave is not ready"),
        },
        { apply: "applied" },
      ],
    });
    expect(await agent.get(mapPath("second-wave"))).toBeUndefined();
    await becomeReady("first-wave");
    await agent.untilApplied("waves", bundle);
  });

  it("applies an object once what it depends on is ready", async () => {
    const top = annotated(configMap("top", {}), { "drover.dev/depends-on": "Deployment.apps default/base" });
    const { bundle } = agent.hub.assign("depends", [top, deployment("base", 1)]);
    await agent.untilReported("depends", { objects: [{ reason: "WaitingForDependency" }, { apply: "applied" }] });
    // What waits is still what waits after a restart.
    await agent.restart();
    await agent.untilReported("depends", { objects: [{ reason: "WaitingForDependency" }, { apply: "applied" }] });
    await becomeReady("base");
    await agent.untilApplied("depends", bundle);
  });

  it("names a dependency that is not there, and applies the rest", async () => {
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
}

describe("agent orders what it applies on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent orders what it applies on the real API server", () => {
  suite("real");
});
