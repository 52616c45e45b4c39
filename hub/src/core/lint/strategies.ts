import type { Problem } from "@drover/shared/problems";

import { matchCluster } from "../cluster-selector.ts";
import { concerns } from "../placement.ts";
import { strategyProblems } from "../strategy-problems.ts";
import { wavesOf, type RolloutStrategy } from "../strategy.ts";
import type { Project } from "./index.ts";

/** Strategies that are not there, and waves that no cluster is in. */
export function lintStrategies(project: Project, strategies: readonly RolloutStrategy[]): readonly Problem[] {
  const { applications, clusters } = project;
  const placements = project.placements.filter((one) => applications.some((application) => concerns(one, application)));
  const names = strategies.map(({ name }) => name);
  const empty = placements.flatMap((placement) => {
    const strategy = strategies.find(({ name }) => name === placement.strategy);
    const own = clusters.filter((cluster) => matchCluster(placement.clusters, cluster).matched);
    if (strategy === undefined || own.length === 0) return [];
    return wavesOf(strategy, own)
      .filter(({ clusters: taken }) => taken.length === 0)
      .map(({ wave }): Problem => {
        const message = `the wave ${wave.name} has no cluster of placement ${placement.name}`;
        return { code: "no-cluster", severity: "warning", message, at: strategy.at };
      });
  });
  return [...strategyProblems(placements, names), ...empty];
}
