import { processorMs } from "../memory.ts";
import { quantile, type Figure } from "../report.ts";
import { bareLoop, drover, fetches, fluxPattern, kubectl } from "./contestants.ts";
import { startStage } from "./stage.ts";

const count = 1_000;

/** First apply of 1,000 objects by four contestants, round by round on one server, each in a namespace of its own. */
export async function measureFirstApply({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const contestants = Object.entries({ agent: drover, bare: bareLoop, kubectl, flux: fluxPattern });
  const samples = new Map(contestants.map(([name]): [string, number[]] => [name, []]));
  const used: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins in each round: whoever follows kubectl meets a server that has just rested.
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const [name, contestant] = contestants[(round + turn) % contestants.length] ?? [];
      if (name === undefined || contestant === undefined) continue;
      const usedMs = await processorMs(stage.agent.pid);
      const ms = await contestant(stage, `${name}-${round}`, count);
      samples.get(name)?.push(ms);
      if (name === "agent") used.push((await processorMs(stage.agent.pid)) - usedMs);
      console.log(`round ${round + 1}: ${name} ${Math.round(ms)} ms`);
      if (name === "agent") await stage.hub.remove(`agent-${round}`);
    }
  }
  const median = (name: string): number => quantile(samples.get(name) ?? [], 0.5);
  const [agent, bare, byKubectl, byFlux] = ["agent", "bare", "kubectl", "flux"].map(median) as [
    number,
    number,
    number,
    number,
  ];
  return [
    {
      name: "first apply, 1,000 objects, median",
      value: agent,
      unit: "ms",
      reference: { name: "bare HTTP/2 loop", value: bare },
    },
    { name: "of that until the last blob is asked for", value: quantile(fetches, 0.5), unit: "ms" },
    { name: "processor time of the agent for it, of one core", value: quantile(used, 0.5), unit: "ms" },
    { name: "share of the ceiling", value: bare / agent, unit: "ratio", target: { least: 0.85 } },
    {
      name: "times as fast as kubectl apply --server-side",
      value: byKubectl / agent,
      unit: "ratio",
      target: { least: 6 },
      reference: { name: "kubectl, ms", value: byKubectl },
    },
    {
      name: "times as fast as GET, dry run, apply; 4 at once",
      value: byFlux / agent,
      unit: "ratio",
      target: { least: 2.5 },
      reference: { name: "Flux's pattern, ms", value: byFlux },
    },
  ];
}
