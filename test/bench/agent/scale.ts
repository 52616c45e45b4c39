import { setTimeout as pause } from "node:timers/promises";

import type { KubeObject } from "@drover/shared/kube/manifest";

import { processorMs, residentMiB } from "../memory.ts";
import { quantile, type Figure } from "../report.ts";
import { must } from "./bare-client.ts";
import { applyByAgent } from "./contestants.ts";
import { mixedObjects } from "./objects.ts";
import { settled } from "./settled.ts";
import { startStage, statusUpdate, type Stage } from "./stage.ts";

const namespace = "scale";
const idleMs = 60_000;
const churnMs = 10_000;
const updatesPerSecond = 1_000;
const repeats = 5;

/** An agent with 10,000 objects: bringing them up, doing nothing about them, coming back, and being left in peace. */
export async function measureScale({ count }: { readonly count: number }): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const objects = mixedObjects(count, namespace);
  const usedMs = await processorMs(stage.agent.pid);
  const { appliedMs } = await applyByAgent(stage, namespace, objects);
  const applyUsedMs = (await processorMs(stage.agent.pid)) - usedMs;
  await settled(stage, namespace, objects);
  const memoryMiB = await residentMiB(stage.agent.pid);
  const idle = await measureIdle(stage);
  const unchanged = await repeat(() => handUnchanged(stage, objects));
  const restart = await repeat(() => restartAgent(stage));
  const churn = await measureChurn(stage, objects);
  const restedMiB = await residentMiB(stage.agent.pid);
  const about = `${count.toLocaleString("en")} objects`;
  return [
    { name: `first apply, ${about}`, value: appliedMs / 1000, unit: "s", target: { most: 10 } },
    { name: "processor time of the agent for it, of one core", value: applyUsedMs / 1000, unit: "s" },
    { name: `RSS with ${about}, after the first apply`, value: memoryMiB, unit: "MiB", target: { most: 110 } },
    { name: `RSS with ${about}, after a restart and churn`, value: restedMiB, unit: "MiB", target: { most: 110 } },
    { name: `idle with ${about}, of one core`, value: idle.percent, unit: "%", target: { most: 0.5 } },
    { name: "requests in that minute", value: idle.requests, unit: "count" },
    { name: `unchanged bundle, ${about}, median`, value: unchanged.ms, unit: "ms", target: { most: 1_000 } },
    { name: "processor time of the agent for it", value: unchanged.usedMs, unit: "ms" },
    { name: "requests for it, most", value: unchanged.requests, unit: "count", target: { most: 0 } },
    { name: `restart to in sync, ${about}, median`, value: restart.ms / 1000, unit: "s", target: { most: 3 } },
    { name: "processor time of the agent for it", value: restart.usedMs, unit: "ms" },
    { name: "writes for it, most", value: restart.requests, unit: "count", target: { most: 0 } },
    { name: "status churn on owned objects", value: churn.perSecond, unit: "1/s" },
    { name: "of one core for 1,000/s of them", value: churn.percent, unit: "%", target: { most: 10 } },
    { name: "requests for all of them", value: churn.requests, unit: "count", target: { most: 0 } },
  ];
}

interface Sample {
  readonly ms: number;
  /** Processor time of the agent, of one core. */
  readonly usedMs: number;
  readonly requests: number;
}

async function repeat(once: () => Promise<Sample>): Promise<Sample> {
  const samples: Sample[] = [];
  for (let n = 0; n < repeats; n += 1) {
    samples.push(await once());
    console.log(JSON.stringify(samples.at(-1)));
    await pause(2_000);
  }
  const median = (of: (sample: Sample) => number): number => quantile(samples.map(of), 0.5);
  return {
    ms: median(({ ms }) => ms),
    usedMs: median(({ usedMs }) => usedMs),
    requests: Math.max(...samples.map(({ requests }) => requests)),
  };
}

/** A new commit that renders to the same bundle, as most commits do: until the agent has said that all is applied at it. */
async function handUnchanged({ agent, hub, requests }: Stage, objects: readonly KubeObject[]): Promise<Sample> {
  const before = await requests();
  const usedMs = await processorMs(agent.pid);
  commits += 1;
  const commit = commits.toString(16).padStart(40, "0");
  const said = hub.next(namespace, (report) => report.commit === commit && report.phase === "applied");
  const startedMs = Date.now();
  hub.assign(namespace, objects, { commit });
  await said;
  const ms = Date.now() - startedMs;
  return { ms, usedMs: (await processorMs(agent.pid)) - usedMs, requests: (await requests()).all - before.all };
}

let commits = 0;

/** From the start of the process, after a crash, until it has reported every object as applied and well. */
async function restartAgent({ agent, hub, requests }: Stage): Promise<Sample> {
  await agent.kill();
  const said = hub.next(namespace, ({ phase, health }) => phase === "applied" && health === "Current");
  const startedMs = Date.now();
  agent.start();
  await said;
  return { ms: Date.now() - startedMs, usedMs: await processorMs(agent.pid), requests: (await requests()).writes };
}

async function measureIdle({ agent, requests }: Stage) {
  const before = { ms: await processorMs(agent.pid), requests: await requests() };
  await pause(idleMs);
  const percent = ((await processorMs(agent.pid)) - before.ms) / (idleMs / 100);
  return { percent, requests: (await requests()).all - before.requests.all };
}

/** Status updates of Deployments that are well and stay so, at an even pace. */
async function measureChurn({ agent, bare, requests }: Stage, objects: readonly KubeObject[]) {
  const names = objects.filter(({ kind }) => kind === "Deployment").map(({ metadata }) => metadata.name);
  const before = { ms: await processorMs(agent.pid), requests: await requests() };
  const startedMs = performance.now();
  const under = new Set<Promise<void>>();
  let sent = 0;
  for (;;) {
    const passedMs = performance.now() - startedMs;
    if (passedMs >= churnMs) break;
    const due = (passedMs / 1000) * updatesPerSecond;
    while (sent < due && under.size < 64) {
      const update = statusUpdate({ namespace, name: names[sent % names.length] ?? "", note: `update ${sent}` });
      const call: Promise<void> = must(bare, update).finally(() => under.delete(call));
      under.add(call);
      sent += 1;
    }
    await pause(2);
  }
  await Promise.all(under);
  const perSecond = sent / ((performance.now() - startedMs) / 1000);
  // What is on its way to the agent still counts.
  await pause(1_000);
  const usedMs = (await processorMs(agent.pid)) - before.ms;
  return {
    perSecond,
    percent: (usedMs / sent) * (updatesPerSecond / 10),
    requests: (await requests()).all - before.requests.all,
  };
}
