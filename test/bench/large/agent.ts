import { setTimeout as pause } from "node:timers/promises";

import { canonicalize } from "@drover/shared/kube/canonical";

import { applyByAgent } from "../agent/contestants.ts";
import { settled } from "../agent/settled.ts";
import { startStage, type Stage } from "../agent/stage.ts";
import { peakMiB, residentMiB } from "../memory.ts";
import type { Figure } from "../report.ts";
import { largeObject } from "./objects.ts";

const namespace = "large";
const restMs = 10_000;
const agentMiB = { most: 200 };

/** The agent with the same objects on a real API server: brought up, kept in sync, started again, and given a change. */
export async function measureLargeAgent(count: number): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const objects = Array.from({ length: count }, (_, n) => canonicalize(largeObject(n)));
  const about = `${count.toLocaleString("en")} objects`;
  const { fetchedMs, appliedMs } = await applyByAgent(stage, namespace, objects);
  const appliedMiB = await told("applied", stage);
  await settled(stage, namespace, objects);
  const settledMiB = await told("in sync", stage);
  const restingMiB = await residentMiB(stage.agent.pid);
  await restart(stage);
  await pause(restMs);
  const restartedMiB = await told("restarted", stage);
  const [, ...others] = objects;
  await applyByAgent(stage, namespace, [canonicalize(largeObject(count)), ...others]);
  const changedMiB = await told("changed", stage);
  return [
    { name: `agent, all blobs of ${about}`, value: fetchedMs / 1000, unit: "s" },
    { name: "until the last one was applied", value: appliedMs / 1000, unit: "s" },
    { name: "its peak RSS, until then", value: appliedMiB, unit: "MiB", target: agentMiB },
    { name: "its peak RSS, until all of them were well", value: settledMiB, unit: "MiB", target: agentMiB },
    { name: "its RSS, when nothing happens", value: restingMiB, unit: "MiB" },
    { name: "peak RSS of its next process, until in sync", value: restartedMiB, unit: "MiB", target: agentMiB },
    { name: "its peak RSS, with another bundle", value: changedMiB, unit: "MiB", target: agentMiB },
  ];
}

async function restart({ agent, hub }: Stage): Promise<void> {
  await agent.kill();
  const said = hub.next(namespace, ({ phase, health }) => phase === "applied" && health === "Current");
  agent.start();
  await said;
}

async function told(what: string, { agent }: Stage): Promise<number> {
  const peak = await peakMiB(agent.pid);
  console.log(`${what}: peak of the agent ${Math.round(peak)} MiB`);
  return peak;
}
