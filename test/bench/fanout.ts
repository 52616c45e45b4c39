import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { createClient } from "@drover/shared/api/client";

import { createWorkTree } from "../rig/git.ts";
import { freePort } from "../rig/ports.ts";
import { application, configMap, placement } from "../system/fixtures.ts";
import { startProgram } from "../system/program.ts";
import { bundle } from "./bundles.ts";
import { measureLinkAlone } from "./link-alone.ts";
import { residentMiB } from "./memory.ts";
import { printFigures, quantile } from "./report.ts";
import { nextApplied, prepareHub, startSimulator, tell } from "./simulated-fleet.ts";

const objectsPerApplication = 10;

/**
 * Commit to applied on many simulated agents over gRPC with TLS. The agents live in another process; they verify, fetch
 * what they lack, and acknowledge and report as real ones do, but have no cluster. The reference is the link alone: the
 * same number of signed messages sent to the same agents and acknowledged, without Git, rendering or the store.
 */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clusters: { type: "string", default: "1000" },
      applications: { type: "string", default: "5" },
      commits: { type: "string", default: "20" },
    },
  });
  const count = Number(values.clusters);
  const applications = Number(values.applications);
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "drover-fanout-"));
  parts.defer(async () => rm(folder, { recursive: true, force: true }));
  const tree = parts.use(await createWorkTree({ files: repository(applications, 0) }));
  const { dataDir, names, keys } = await prepareHub(folder, { count, url: tree.path });

  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const flags = ["--data-dir", dataDir, "--api-address", api, "--link-address", link, "--log-level", "warn"];
  const logFile = join(folder, "hub.log");
  const hub = parts.use(startProgram({ file: bundle("hub"), args: flags, logFile, probes: api }));
  await hub.ready();
  const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  const client = createClient({ url: `http://${api}`, token });

  console.log(`connecting ${count} agents`);
  const simulator = parts.adopt(startSimulator(), (child) => void child.kill());
  const startedMs = Date.now();
  const ready = nextApplied(simulator, count * applications);
  tell(simulator, { kind: "connect", hub: link, keys, clusters: names });
  await ready;
  const connectMs = Date.now() - startedMs;

  const samples: number[] = [];
  for (let round = 1; round <= Number(values.commits); round += 1) {
    const applied = nextApplied(simulator, count);
    await tree.commit(`round ${round}`, {
      "apps/app-0/changing.yaml": configMap("changing", { round: String(round) }),
    });
    const committedMs = Date.now();
    for (const at of await applied) samples.push(at - committedMs);
  }
  const hubMiB = await residentMiB(hub.pid);
  const { total } = await client.targets.list({ limit: 1, state: "current" }, AbortSignal.timeout(10_000));
  await hub.stop();
  const alone = await measureLinkAlone({ keys, names, rounds: 5 });
  const reference = (q: number) => ({ name: "link alone", value: quantile(alone, q) });
  return printFigures("fanout", [
    { name: "clusters", value: count, unit: "count" },
    { name: "targets current", value: total, unit: "count", target: { least: count * applications } },
    { name: "connect and first sync", value: connectMs, unit: "ms" },
    { name: "commit to applied, p50", value: quantile(samples, 0.5), unit: "ms", reference: reference(0.5) },
    {
      name: "commit to applied, p99",
      value: quantile(samples, 0.99),
      unit: "ms",
      target: { most: 3_000 },
      reference: reference(0.99),
    },
    { name: "hub memory", value: hubMiB, unit: "MiB", target: { most: 400 } },
  ]);
}

function repository(applications: number, round: number): Record<string, string> {
  const files: Record<string, string> = {};
  for (let n = 0; n < applications; n += 1) {
    const name = `app-${n}`;
    files[`apps/${name}/drover.yaml`] = application(name, name) + placement(name, { fleet: "all" });
    const fixed = Array.from({ length: objectsPerApplication - 1 }, (_, m) => configMap(`fixed-${m}`, { app: name }));
    files[`apps/${name}/fixed.yaml`] = fixed.join("---\n");
    files[`apps/${name}/changing.yaml`] = configMap("changing", { round: String(round) });
  }
  return files;
}
