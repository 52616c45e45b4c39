import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

import { configMap, application, placement } from "../system/fixtures.ts";
import { startFleet } from "../system/fleet.ts";
import type { Program } from "../system/program.ts";
import { bundle } from "./bundles.ts";
import { residentMiB } from "./memory.ts";
import { printFigures, quantile } from "./report.ts";

const objects = 1_000;
const starts = 5;
const idleMs = 10_000;

/**
 * What the shipped bundles need: memory when nothing happens, with 1,000 managed objects, and time from start to ready.
 * The reference is bare Node: an empty program's memory and its time to run.
 */
export async function run(): Promise<boolean> {
  const programs = { hub: bundle("hub"), agent: bundle("agent") };
  const clusters = ["dev-1", "staging-1", "prod-1"];
  await using fleet = await startFleet({
    servers: "real",
    programs,
    clusters: Object.fromEntries(clusters.map((name) => [name, { fleet: "all" }])),
    files: {
      "apps/big/drover.yaml": application("big", "default") + placement("big", { fleet: "all" }),
      "apps/big/big.yaml": Array.from({ length: objects }, (_, n) => configMap(`big-${n}`, { n: String(n) })).join(
        "---\n",
      ),
    },
  });
  await fleet.settle(
    (await fleet.tree.git("rev-parse", "HEAD")).trim(),
    clusters.map((name) => `big@${name}`),
  );
  await pause(idleMs);
  const agents = clusters.map((name) => fleet.cluster(name).agent);
  const agentMiB = Math.max(...(await Promise.all(agents.map(async (agent) => residentMiB(agent.pid)))));
  const hubMiB = await residentMiB(fleet.hub.pid);
  const [agent] = agents;
  const agentStart = agent === undefined ? [] : await timeStarts(agent);
  const hubStart = await timeStarts(fleet.hub);
  const node = await measureNode();
  const nodeStart = { name: "bare node", value: node.startMs };
  const nodeMemory = { name: "bare node", value: node.memoryMiB };
  return printFigures("footprint", [
    {
      name: `agent, idle with ${objects} objects`,
      value: agentMiB,
      unit: "MiB",
      target: { most: 100 },
      reference: nodeMemory,
    },
    { name: "hub, 3 clusters", value: hubMiB, unit: "MiB", target: { most: 150 }, reference: nodeMemory },
    {
      name: "agent, start to ready, median",
      value: quantile(agentStart, 0.5),
      unit: "ms",
      target: { most: 500 },
      reference: nodeStart,
    },
    {
      name: "hub, start to ready, median",
      value: quantile(hubStart, 0.5),
      unit: "ms",
      target: { most: 500 },
      reference: nodeStart,
    },
  ]);
}

async function timeStarts(program: Program): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let n = 0; n < starts; n += 1) {
    await program.stop();
    const before = Date.now();
    program.start();
    await program.ready();
    samples.push(Date.now() - before);
    await pause(500);
  }
  return samples;
}

async function measureNode(): Promise<{ readonly startMs: number; readonly memoryMiB: number }> {
  const before = Date.now();
  const code = "process.stdout.write('ready'); setTimeout(() => undefined, 5000)";
  const child = spawn(process.execPath, ["--eval", code], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => {
    child.stdout.once("data", resolve);
  });
  const startMs = Date.now() - before;
  await pause(500);
  const memoryMiB = await residentMiB(child.pid ?? 0);
  child.kill();
  return { startMs, memoryMiB };
}
