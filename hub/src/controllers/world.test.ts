import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { noFacts } from "@drover/shared/link/link";
import { expect, onTestFinished, test } from "vitest";

import { readDeclarations } from "../core/declarations.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { clusterDefaults, type ClusterRecord } from "../store/store.ts";
import { createEventLog } from "./event-log.ts";
import { World } from "./world.ts";

const facts = { ...noFacts, agentVersion: "1", kubernetesVersion: "v1.35.0", nodes: 1 };
const record: ClusterRecord = { ...clusterDefaults, name: "dev-1", uid: "u", labels: { env: "dev" }, settled: facts };

test("a cluster that placements see is the same value until anything is said otherwise of it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drover-world-"));
  const store = openSqliteStore(join(folder, "hub.db"));
  onTestFinished(async () => {
    store.close();
    await rm(folder, { recursive: true });
  });
  const world = new World(
    store,
    createEventLog(store, () => 0),
    () => 0,
  );
  const declare = (labels: string): void => {
    const text = `apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: dev-1, labels: ${labels} }\n`;
    const read = readDeclarations("config", "c.yaml", new TextEncoder().encode(text));
    world.catalogs.set({ repository: "config", commit: "1", ...read });
  };
  store.putCluster(record);
  const [first] = world.placeable();
  expect(world.placeable()[0]).toBe(first);
  store.putCluster({ ...record, seenAtMs: 5, settled: { ...facts }, labels: { ...record.labels } });
  expect(world.placeable()[0]).toBe(first);
  const changes: readonly (() => void)[] = [
    () => store.putCluster({ ...record, labels: { env: "prod" } }),
    () => store.putCluster({ ...record, cordon: "full" }),
    () => store.putCluster({ ...record, settled: { ...facts, kubernetesVersion: "v1.36.0" } }),
    () => declare("{ tier: edge }"),
    () => declare("{ tier: core }"),
    () => world.catalogs.delete("config"),
  ];
  for (const change of changes) {
    const [before] = world.placeable();
    change();
    expect(world.placeable()[0]).not.toEqual(before);
  }
});
