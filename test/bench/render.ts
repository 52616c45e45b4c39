import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { stringify } from "yaml";

import { program } from "../rig/programs.ts";
import { manifests } from "./render-input.ts";
import { printFigures, quantile } from "./report.ts";

const clusters = 10_000;
const rounds = 5;
const overlays = 20;

const execute = promisify(execFile);

/**
 * What one commit costs on a large fleet, from rendered manifests to the decision: 10,000 clusters, 30 objects, overrides
 * by three selectors and one variable for each cluster. The reference is what people would have without: one overlay for
 * each cluster, built by the real kustomize.
 */
export async function run(): Promise<boolean> {
  const taken: { readonly tookMs: number; readonly maxRssMiB: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { stdout } = await execute(process.execPath, [
      join(import.meta.dirname, "render-decide.ts"),
      String(clusters),
    ]);
    console.log(stdout.trim());
    taken.push(JSON.parse(stdout));
  }
  const decideMs = quantile(
    taken.map(({ tookMs }) => tookMs),
    0.5,
  );
  const overlayMs = await timeOverlays();
  const perCluster = decideMs / clusters;
  return printFigures("render", [
    {
      name: `${clusters} clusters, decided and bundled, median`,
      value: decideMs / 1000,
      unit: "s",
      target: { most: 2 },
      reference: { name: "kustomize, as many overlays", value: (overlayMs * clusters) / 1000 },
    },
    {
      name: "memory at most",
      value: Math.max(...taken.map(({ maxRssMiB }) => maxRssMiB)),
      unit: "MiB",
      target: { most: 300 },
    },
    {
      name: "kustomize for an overlay, over Drover for a cluster",
      value: overlayMs / perCluster,
      unit: "ratio",
      target: { least: 100 },
    },
  ]);
}

/** Median time of one overlay with the same changes, in ms. */
async function timeOverlays(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "drover-bench-"));
  try {
    const base = join(folder, "base");
    await mkdir(base);
    await writeFile(join(base, "all.yaml"), manifests.map(({ object }) => stringify(object)).join("---\n"));
    await writeFile(join(base, "kustomization.yaml"), "resources: [all.yaml]\n");
    const times: number[] = [];
    for (let index = 0; index < overlays; index += 1) {
      const overlay = join(folder, `cluster-${index}`);
      await mkdir(overlay);
      await writeFile(join(overlay, "kustomization.yaml"), overlayOf(index));
      const startedAt = performance.now();
      await execute(program("kubectl"), ["kustomize", overlay], { maxBuffer: 64 * 1024 * 1024 });
      times.push(performance.now() - startedAt);
    }
    return quantile(times, 0.5);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function overlayOf(index: number): string {
  return `resources: [../base]
patches:
  - target: { kind: ConfigMap, name: settings-1 }
    patch: |
      - { op: add, path: /data/cluster, value: cluster-${index} }
replicas: [{ name: web-0, count: 5 }]
images: [{ name: nginx, newTag: "1.30" }]
`;
}
