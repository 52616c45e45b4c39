import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, sourceDefaults } from "@drover/hub/store/store";
import { createClient } from "@drover/shared/api/client";
import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { freePort } from "../rig/ports.ts";
import { application, configMap, placement } from "../system/fixtures.ts";
import { startProgram } from "../system/program.ts";
import type { SimulatorMessage, SimulatorOrder } from "./agent-simulator.ts";
import { bundle } from "./bundles.ts";
import { measureLinkAlone } from "./link-alone.ts";
import { residentMiB } from "./memory.ts";
import { printFigures, quantile } from "./report.ts";

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
  const { dataDir, names, keys } = await prepareHub(folder, count, tree);

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

/** Registers the clusters straight in the hub's store and authority: joining is not what is measured. */
async function prepareHub(folder: string, count: number, tree: WorkTree) {
  const dataDir = join(folder, "hub");
  const names = Array.from({ length: count }, (_, n) => `cluster-${n}`);
  const keys = join(dataDir, "keys");
  await loadAuthority(keys, { clock: systemClock });
  await loadSigningKey(keys);
  const store = openSqliteStore(join(dataDir, "hub.db"));
  for (const name of names) store.putCluster({ ...clusterDefaults, name, uid: name, labels: { fleet: "all" } });
  store.putSource({ ...sourceDefaults, name: "config", url: tree.path });
  store.close();
  return { dataDir, names, keys };
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

function startSimulator(): ChildProcess {
  return fork(join(import.meta.dirname, "agent-simulator.ts"), { stdio: "inherit" });
}

function tell(simulator: ChildProcess, order: SimulatorOrder): void {
  simulator.send(order);
}

/** When each of the next `count` applications was applied, in ms since the epoch. */
function nextApplied(simulator: ChildProcess, count: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const late = setTimeout(() => reject(new Error(`only ${times.length} of ${count} were applied in 120 s`)), 120_000);
    const onMessage = (message: SimulatorMessage): void => {
      times.push(...message.applied);
      if (times.length < count) return;
      clearTimeout(late);
      simulator.off("message", onMessage);
      resolve(times);
    };
    simulator.on("message", onMessage);
    simulator.setMaxListeners(0);
    simulator.once("exit", (code) => reject(new Error(`the simulator ended with ${code}`)));
  });
}
