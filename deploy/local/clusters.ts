import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startCluster, type ClusterSnapshot, type EmbeddedCluster } from "@drover/cluster/cluster";
import { formatKubeconfig } from "@drover/cluster/kubeconfig";

import { choosePort } from "./ports.ts";

export interface PlaygroundCluster {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Path of a kubeconfig with this cluster only. */
  readonly kubeconfig: string;
}

export interface PlaygroundClusters extends AsyncDisposable {
  readonly names: readonly string[];
  readonly all: readonly PlaygroundCluster[];
}

const clusters = [
  { name: "dev-1", labels: { env: "dev", region: "eu", tier: "silver" }, port: 7481 },
  { name: "staging-1", labels: { env: "staging", region: "eu", tier: "gold" }, port: 7482 },
  { name: "prod-1", labels: { env: "prod", region: "us", tier: "gold" }, port: 7483 },
] as const;

const saveMs = 2_000;

/**
 * Starts the three embedded clusters with what was in them before, and writes a kubeconfig with a context for each
 * beside their folder. What changes is saved every 2 s and at the end.
 */
export async function startClusters(folder: string): Promise<PlaygroundClusters> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const started = await Promise.all(
    clusters.map(async ({ name, port }) => {
      const token = readOrCreate(join(folder, `${name}.token`), () => randomBytes(24).toString("base64url"));
      return startCluster({
        name,
        port: await choosePort(port),
        readyDelayMs: 300,
        tokens: { [token]: { name: "admin", groups: ["system:masters", "system:authenticated"] } },
        restore: readSnapshot(join(folder, `${name}.json`)),
      });
    }),
  );
  for (const cluster of started)
    writeFileSync(join(folder, `${cluster.name}.kubeconfig`), cluster.kubeconfig(), { mode: 0o600 });
  writeFileSync(join(folder, "..", "kubeconfig"), formatKubeconfig(started), { mode: 0o600 });
  const saved = new Map<string, string>();
  const save = (): void => started.forEach((cluster) => saveSnapshot(folder, cluster, saved));
  const timer = setInterval(save, saveMs);
  return {
    names: clusters.map(({ name }) => name),
    all: clusters.map(({ name, labels }) => ({ name, labels, kubeconfig: join(folder, `${name}.kubeconfig`) })),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      save();
      await Promise.all(started.map(async (cluster) => cluster.close()));
    },
  };
}

function saveSnapshot(folder: string, cluster: EmbeddedCluster, saved: Map<string, string>): void {
  const text = JSON.stringify(cluster.snapshot());
  if (saved.get(cluster.name) === text) return;
  const file = join(folder, `${cluster.name}.json`);
  // A reader finds the old state or the new one, never a part.
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  saved.set(cluster.name, text);
}

/** Written by `saveSnapshot`, so its shape is that of a snapshot. */
function readSnapshot(file: string): ClusterSnapshot | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ClusterSnapshot) : undefined;
}

function readOrCreate(file: string, create: () => string): string {
  if (existsSync(file)) return readFileSync(file, "utf8");
  const text = create();
  writeFileSync(file, text, { mode: 0o600 });
  return text;
}
