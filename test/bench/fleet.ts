import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import type { BareFigures } from "./fleet/bare-wire.ts";
import { measureBareGrpc } from "./fleet/bare.ts";
import { commitChange, openBench, type FleetBench, type FleetSize } from "./fleet/bench.ts";
import { peakMiB, processorMs, residentMiB } from "./memory.ts";
import { printFigures, quantile, type Figure } from "./report.ts";

const idleMs = 20_000;
/** After a change, until nothing more of it is on any wire. */
const quietMs = 2_000;

/**
 * A whole fleet: the shipped hub as a process, and agents in others that are real from the link to the report, and have
 * no cluster. 20 applications each; a change is one object of one of them, everywhere. The reference is bare grpc-js
 * with mutual TLS and as many connections, in the same run.
 */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clusters: { type: "string", default: "1000" },
      applications: { type: "string", default: "20" },
      commits: { type: "string", default: "10" },
      link: { type: "string", default: "grpc" },
    },
  });
  const size: FleetSize = {
    clusters: Number(values.clusters),
    applications: Number(values.applications),
    link: values.link === "nats" ? "nats" : "grpc",
  };
  console.log(`bare grpc-js with ${size.clusters} connections`);
  await using parts = new AsyncDisposableStack();
  const bench = await openBench(size, parts);
  const bare = await measureBareGrpc({ keys: bench.keys, count: size.clusters, rounds: 5 });
  const figures = [
    ...(await connect(bench, size, bare)),
    ...(await idle(bench, size)),
    ...(await change(bench, size, { commits: Number(values.commits), bare })),
    ...(await restart(bench, size)),
  ];
  return printFigures("fleet", figures);
}

async function connect({ hub, agents }: FleetBench, size: FleetSize, bare: BareFigures): Promise<readonly Figure[]> {
  const { clusters } = size;
  const targets = clusters * size.applications;
  const connected = agents.next("connected", clusters);
  await agents.connect();
  console.log(`connecting ${clusters} agents`);
  const startedMs = Date.now();
  await connected;
  const connectedMs = Date.now() - startedMs;
  await hub.reconciled(targets);
  const syncedMs = Date.now() - startedMs;
  const reference = { name: "bare grpc-js", value: bare.connectedMs / 1000 };
  return [
    { name: "clusters", value: clusters, unit: "count" },
    { name: "targets current", value: targets, unit: "count" },
    { name: "all connected", value: connectedMs / 1000, unit: "s", reference },
    { name: "all with their first content", value: syncedMs / 1000, unit: "s" },
  ];
}

async function change(
  bench: FleetBench,
  size: FleetSize,
  { commits, bare }: { readonly commits: number; readonly bare: BareFigures },
): Promise<readonly Figure[]> {
  const { clusters, link } = size;
  const times = await measureRounds(bench, size, { first: 1, rounds: commits });
  const [p50, p99] = clusters > 1_000 ? [undefined, { most: 5_000 }] : [{ most: 300 }, { most: 1_000 }];
  const reference = (q: number) => ({ name: "bare grpc-js, 1 KiB", value: quantile(bare.samples, q) });
  const { pid } = bench.hub.program;
  const hubMiB = await residentMiB(pid);
  const bareMiB = { name: "bare grpc-js, connections alone", value: (bare.connectionKiB * clusters) / 1024 };
  const figures = [
    figure("commit to acknowledged, p50", quantile(times.acknowledged, 0.5), p50, reference(0.5)),
    figure("commit to acknowledged, p99", quantile(times.acknowledged, 0.99), p99, reference(0.99)),
    figure("commit to fetched and applied, p50", quantile(times.applied, 0.5)),
    figure("commit to fetched and applied, p99", quantile(times.applied, 0.99)),
    figure("the hub's work for a change, median", quantile(times.work, 0.5)),
    ...(link === "grpc" ? [{ ...perAgent, value: quantile(times.bytes, 0.5) / 1024 }] : []),
    { name: "hub RSS", value: hubMiB, unit: "MiB" as const, target: { most: 1_536 }, reference: bareMiB },
  ];
  using _ = bench.abuse();
  const abused = await measureRounds(bench, size, { first: commits + 1, rounds: commits });
  const ratio = quantile(abused.acknowledged, 0.99) / quantile(times.acknowledged, 0.99);
  return [
    ...figures,
    figure("commit to acknowledged, p99, under abuse", quantile(abused.acknowledged, 0.99)),
    { name: "p99 under abuse, of p99 before", value: ratio, unit: "ratio", target: { most: 2 } },
    { name: "hub RSS, most so far", value: await peakMiB(pid), unit: "MiB", target: { most: 1_536 } },
  ];
}

async function measureRounds(
  { hub, agents, tree, wire }: FleetBench,
  { clusters, applications }: FleetSize,
  { first, rounds }: { readonly first: number; readonly rounds: number },
) {
  const times = { acknowledged: [] as number[], applied: [] as number[], bytes: [] as number[], work: [] as number[] };
  for (let round = first; round < first + rounds; round += 1) {
    const [before, workBefore] = [wire.bytes, await processorMs(hub.program.pid)];
    const waits = [agents.next("acknowledged", clusters), agents.next("applied", clusters)] as const;
    const { committedMs, objectBytes } = await commitChange(tree, { round, applications });
    const [acknowledged, applied] = await Promise.all(waits);
    times.acknowledged.push(...acknowledged.map((at) => at - committedMs));
    times.applied.push(...applied.map((at) => at - committedMs));
    await hub.reconciled(clusters * applications);
    await pause(quietMs);
    times.bytes.push(wire.bytes - before - objectBytes);
    times.work.push((await processorMs(hub.program.pid)) - workBefore);
  }
  return times;
}

const perAgent = {
  name: "sent to one agent for a change, beyond the object",
  unit: "KiB",
  target: { most: 4 },
} as const;

function figure(name: string, value: number, target?: Figure["target"], reference?: Figure["reference"]): Figure {
  const rest = { ...(target === undefined ? {} : { target }), ...(reference === undefined ? {} : { reference }) };
  return { name, value, unit: "ms", ...rest };
}

async function idle({ hub }: FleetBench, { clusters }: FleetSize): Promise<readonly Figure[]> {
  await pause(quietMs);
  const before = await processorMs(hub.program.pid);
  await pause(idleMs);
  const percent = (((await processorMs(hub.program.pid)) - before) / idleMs) * 100;
  const target = clusters > 1_000 ? {} : { target: { most: 3 } };
  return [{ name: "idle hub, of a core", value: percent, unit: "%", ...target }];
}

async function restart({ hub, agents }: FleetBench, size: FleetSize): Promise<readonly Figure[]> {
  const { clusters, applications } = size;
  const connected = agents.next("connected", clusters);
  await hub.program.stop();
  const startedMs = Date.now();
  hub.program.start();
  await hub.program.ready();
  const servingMs = Date.now() - startedMs;
  await connected;
  await hub.reconciled(clusters * applications);
  const reconciledMs = Date.now() - startedMs;
  // In good order, so that a profile of it is written.
  await hub.program.stop();
  return [
    { name: "restarted hub: serving", value: servingMs / 1000, unit: "s", target: { most: 3 } },
    { name: "restarted hub: all back and current", value: reconciledMs / 1000, unit: "s", target: { most: 30 } },
  ];
}
