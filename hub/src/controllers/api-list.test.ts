import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { apiListOf } from "@drover/shared/kube/api-list";
import { noFacts, type Hello } from "@drover/shared/link/link";
import { describe, expect, it, vi } from "vitest";

import { openSqliteStore } from "../store/sqlite.ts";
import { clusterDefaults } from "../store/store.ts";
import { createApiListReconciler } from "./api-list.ts";
import { createEventLog } from "./event-log.ts";
import { World } from "./world.ts";

const never = new AbortController().signal;
const list = apiListOf(["v1", "apps/v1"]);
const facts = { ...noFacts, agentVersion: "1", kubernetesVersion: "v1.31.2" };

function start(clusters: readonly string[]) {
  const clock = new FakeClock(1_000);
  const store = openSqliteStore(":memory:");
  const world = new World(
    store,
    createEventLog(store, () => clock.now()),
    () => clock.now(),
  );
  const ask = vi.fn<(...question: readonly unknown[]) => Promise<unknown>>(() => Promise.resolve(list.versions));
  const changed = vi.fn();
  const reconcile = createApiListReconciler({ store, world, inspections: { ask }, random: () => 0, changed });
  const connect = (name: string): void => {
    const hello: Hello = { ...facts, clusterUid: name, epoch: "", generation: 0, apis: list.digest };
    world.connections.set(name, { hello, sinceMs: 0, refusal: undefined });
  };
  for (const name of clusters) {
    store.putCluster({ ...clusterDefaults, name, uid: name, facts, settled: facts });
    connect(name);
  }
  return { store, world, ask, changed, reconcile: () => reconcile(list.digest, never) };
}

describe("a list of APIs that agents name", () => {
  it("is asked for once, is that of all clusters which name it, and is kept", async () => {
    const { store, world, ask, changed, reconcile } = start(["a", "b", "c"]);
    await reconcile();
    await reconcile();
    expect(ask).toHaveBeenCalledTimes(1);
    expect(changed).toHaveBeenCalledTimes(1);
    const told = { kubeVersion: "v1.31.2", apis: list };
    expect(world.placeable().map(({ capabilities }) => capabilities)).toEqual([told, told, told]);
    expect(store.collectBlobs()).toBe(0);
  });

  it("leaves what is known as it is while nobody answers, or answers with another one", async () => {
    const { world, ask, changed, reconcile } = start(["a"]);
    ask.mockRejectedValueOnce(new DroverError("timeout", "a did not answer"));
    await expect(reconcile()).rejects.toMatchObject({ code: "timeout" });
    ask.mockResolvedValueOnce(["v1"]);
    await expect(reconcile()).rejects.toMatchObject({ code: "digest_mismatch" });
    expect(world.placeable()[0]?.capabilities).toEqual({ kubeVersion: "v1.31.2" });
    world.connections.clear();
    await reconcile();
    expect(changed).not.toHaveBeenCalled();
  });
});
