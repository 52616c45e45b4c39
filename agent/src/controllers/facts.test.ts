import { FakeClock } from "@drover/shared/clock";
import type { JsonRecord } from "@drover/shared/json";
import { silentLog } from "@drover/shared/log";
import { afterEach, describe, expect, it, vi } from "vitest";

import { assess } from "../core/health/index.ts";
import { createApplicationRecord, recordOf, setVerdict } from "../core/record.ts";
import type { KubeAnswer, KubeRequest } from "../kube/api.ts";
import { createDiscovery } from "../kube/discovery.ts";
import { answered, createScriptedApi, refused } from "../kube/scripted-api.ts";
import { createFacts } from "./facts.ts";

const claim = { group: "", kind: "PersistentVolumeClaim", namespace: "shop", name: "data" };
const pending = { spec: { storageClassName: "local" }, status: { phase: "Pending" } };
const late = answered({ volumeBindingMode: "WaitForFirstConsumer" });
const things = answered({ kind: "APIResourceList", resources: [{ name: "things", kind: "Thing", namespaced: true }] });
const silent = answered({ spec: { versions: [{ name: "v1", served: true, schema: { openAPIV3Schema: {} } }] } });

describe("facts", () => {
  let stop = new AbortController();
  afterEach(() => {
    stop.abort();
    stop = new AbortController();
  });

  function start(request: (request: KubeRequest) => KubeAnswer) {
    const clock = new FakeClock(1_000);
    const kube = createScriptedApi({ request });
    const shop = createApplicationRecord("shop");
    const changed: string[] = [];
    const state = { applications: new Map([["shop", shop]]) };
    const discovery = createDiscovery(kube, clock);
    const facts = createFacts({ kube, discovery, state, clock, log: silentLog }, (name) => changed.push(name));
    void facts.run(stop.signal);
    const see = (key: typeof claim, object: JsonRecord) => {
      const record = recordOf(shop, key, "v1");
      setVerdict(record, facts.settle(record, assess(key, object)));
      return record;
    };
    return { clock, kube, changed, see };
  }

  it("case 75: asks for the class of a pending claim once, and settles the claim", async () => {
    const { kube, changed, see } = start(() => late);
    const record = see(claim, pending);
    expect(record.verdict.health).toBe("Progressing");
    await vi.waitFor(() => expect(record.verdict.health).toBe("Current"));
    expect(changed).toEqual(["shop"]);
    expect(see({ ...claim, name: "more" }, pending).verdict.health).toBe("Current");
    expect(kube.calls).toEqual(["GET /apis/storage.k8s.io/v1/storageclasses/local"]);
  });

  it("case 74: finds out from the definition that nothing reports on a kind", async () => {
    const { kube, see } = start(({ path }) => (path.includes("customresourcedefinitions") ? silent : things));
    const record = see({ group: "example.org", kind: "Thing", namespace: "shop", name: "one" }, {});
    expect(record.verdict).toMatchObject({ health: "Progressing", reason: "NotObserved" });
    await vi.waitFor(() => expect(record.verdict).toEqual({ health: "Current", reason: "", message: "" }));
    expect(kube.calls).toContain("GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.org");
  });

  it("keeps a verdict while the server does not tell, and asks again a minute later at the earliest", async () => {
    const { clock, kube, see } = start(() => refused(403));
    const record = see(claim, pending);
    await vi.waitFor(() => expect(record.verdict.question).toBeUndefined());
    expect(record.verdict).toMatchObject({ health: "Progressing", reason: "Pending" });
    see(claim, pending);
    await clock.advance(59_000);
    see(claim, pending);
    expect(kube.calls).toHaveLength(1);
    await clock.advance(1_000);
    see(claim, pending);
    await vi.waitFor(() => expect(kube.calls).toHaveLength(2));
  });
});
