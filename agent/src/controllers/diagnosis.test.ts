import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { canonicalJson, digestOf } from "@drover/shared/digest";
import { silentLog } from "@drover/shared/log";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createApplicationRecord, recordOf, setVerdict } from "../core/record.ts";
import { createDiscovery } from "../kube/discovery.ts";
import { answered, createScriptedApi } from "../kube/scripted-api.ts";
import { openBlobs } from "../store/blobs.ts";
import { systemDisk } from "../store/disk.ts";
import { createDiagnosis } from "./diagnosis.ts";

const waiting = { state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } }, name: "web" };
const pods = [
  { metadata: { name: "fine" }, status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } },
  { metadata: { name: "web-1" }, status: { phase: "Pending", containerStatuses: [waiting] } },
];
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop" },
  spec: { selector: { matchLabels: { app: "web", tier: "front" } } },
};

describe("diagnosis", () => {
  let folder = "";
  const stop = new AbortController();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-diagnosis-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function start() {
    const clock = new FakeClock();
    const kube = createScriptedApi({ request: () => answered({ items: pods }) });
    const blobs = await openBlobs(systemDisk, folder);
    const bytes = new TextEncoder().encode(canonicalJson(deployment));
    await blobs.write(digestOf(bytes), bytes);
    const shop = createApplicationRecord("shop");
    const record = recordOf(shop, { group: "apps", kind: "Deployment", namespace: "shop", name: "web" }, "v1");
    record.desired = digestOf(bytes);
    setVerdict(record, { health: "Progressing", reason: "RollingOut", message: "0 of 1 replicas are ready" });
    const changed: string[] = [];
    const state = { applications: new Map([["shop", shop]]) };
    const service = createDiagnosis(
      {
        kube,
        accounts: { kubeFor: () => kube },
        discovery: createDiscovery(kube, clock),
        blobs,
        state,
        clock,
        log: silentLog,
      },
      (name) => changed.push(name),
    );
    void service.run(stop.signal);
    /** Moves time on and lets the round that falls due come to its end: it reads files. */
    const pass = async (ms: number): Promise<void> => {
      await clock.advance(ms);
      await vi.waitFor(() => expect(clock.sleeping).toBe(1));
    };
    return { pass, kube, record, changed };
  }

  it("says which pod keeps a workload from being ready, and why", async () => {
    const { pass, kube, record, changed } = await start();
    await pass(2_000);
    expect(kube.calls).toEqual([]);
    await pass(2_000);
    expect(record.cause?.reason).toBe("ImagePullBackOff");
    expect(record.cause?.message).toContain("pod web-1: container web: no such image");
    expect(changed).toEqual(["shop"]);
    expect(kube.calls[0]).toBe("GET /api/v1/namespaces/shop/pods?labelSelector=app%3Dweb%2Ctier%3Dfront&limit=50");
  });

  it("asks rarely, and not at all when all is well", async () => {
    const { pass, kube, record } = await start();
    for (let second = 0; second < 60; second += 2) await pass(2_000);
    expect(kube.calls.length).toBeLessThanOrEqual(5);
    expect(kube.calls.length).toBeGreaterThan(1);
    setVerdict(record, { health: "Current", reason: "", message: "" });
    expect(record.cause).toBeUndefined();
    const asked = kube.calls.length;
    for (let second = 0; second < 60; second += 2) await pass(2_000);
    expect(kube.calls).toHaveLength(asked);
  });
});
