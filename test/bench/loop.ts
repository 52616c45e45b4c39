import { join } from "node:path";
import { parseArgs } from "node:util";

import { configMap, application, placement } from "../system/fixtures.ts";
import { startFleet, type Fleet, type FleetCluster } from "../system/fleet.ts";
import { bundle } from "./bundles.ts";
import { printFigures, quantile } from "./report.ts";
import { watchConfigMap } from "./watch-config-map.ts";

const clusters = ["dev-1", "staging-1", "prod-1"];

/**
 * Commit to applied on three real API servers, with hub and agents as the bundles that are shipped. A sample is the time
 * from the end of `git commit` to the watch event that shows the new value in one cluster. The reference is what a person
 * would do instead: `kubectl apply --server-side` of the same file on all three at once, measured to the same event.
 */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({ args: [...args], options: { commits: { type: "string", default: "100" } } });
  const programs = { hub: bundle("hub"), agent: bundle("agent") };
  await using fleet = await startFleet({
    servers: "real",
    programs,
    clusters: Object.fromEntries(clusters.map((name) => [name, { fleet: "all" }])),
    files: {
      "apps/shop/drover.yaml": application("shop", "default") + placement("shop", { fleet: "all" }),
      "apps/shop/shop.yaml": configMap("shop", { round: "0" }),
    },
  });
  await fleet.settle(
    (await fleet.tree.git("rev-parse", "HEAD")).trim(),
    clusters.map((name) => `shop@${name}`),
  );
  await using watches = new AsyncDisposableStack();
  const seen = clusters.map((name) => watches.use(watchConfigMap(fleet.cluster(name).access, "default", "shop")));
  const round = async (value: string, act: () => Promise<number>): Promise<readonly number[]> => {
    const arrivals = seen.map(async (watch) => watch.next(value));
    const startedMs = await act();
    return (await Promise.all(arrivals)).map((at) => at - startedMs);
  };
  const commits = Number(values.commits);
  const samples: number[] = [];
  for (let n = 1; n <= commits; n += 1) {
    samples.push(
      ...(await round(`commit-${n}`, async () => {
        await fleet.tree.commit(`round ${n}`, { "apps/shop/shop.yaml": configMap("shop", { round: `commit-${n}` }) });
        return Date.now();
      })),
    );
  }
  const byHand = await kubectlInstead(fleet, Math.min(20, commits), round);
  const reference = (q: number) => ({ name: "kubectl apply --server-side on each", value: quantile(byHand, q) });
  return printFigures("loop", [
    { name: "samples", value: samples.length, unit: "count" },
    {
      name: "commit to applied, p50",
      value: quantile(samples, 0.5),
      unit: "ms",
      target: { most: 300 },
      reference: reference(0.5),
    },
    {
      name: "commit to applied, p99",
      value: quantile(samples, 0.99),
      unit: "ms",
      target: { most: 1_000 },
      reference: reference(0.99),
    },
  ]);
}

/** The agents are stopped meanwhile: they would repair what kubectl writes. */
async function kubectlInstead(
  fleet: Fleet,
  rounds: number,
  round: (value: string, act: () => Promise<number>) => Promise<readonly number[]>,
): Promise<readonly number[]> {
  const all = clusters.map((name) => fleet.cluster(name));
  for (const { agent } of all) await agent.stop();
  const samples: number[] = [];
  for (let n = 1; n <= rounds; n += 1) {
    await fleet.tree.write({ "by-hand.yaml": configMap("shop", { round: `hand-${n}` }) });
    const file = join(fleet.tree.path, "by-hand.yaml");
    samples.push(...(await round(`hand-${n}`, async () => applyEverywhere(all, file))));
  }
  return samples;
}

async function applyEverywhere(all: readonly FleetCluster[], file: string): Promise<number> {
  const startedMs = Date.now();
  await Promise.all(
    all.map(async (cluster) =>
      cluster.run("apply", "--server-side", "--force-conflicts", "--namespace", "default", "--filename", file),
    ),
  );
  return startedMs;
}
