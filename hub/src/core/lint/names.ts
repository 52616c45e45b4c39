import type { Problem } from "@drover/shared/problems";

import { matchCluster } from "../cluster-selector.ts";
import { explainClusters } from "../explain-clusters.ts";
import { didYouMean } from "../fields.ts";
import { concerns } from "../placement.ts";
import type { Project } from "./index.ts";

/** Names and selectors that lead nowhere, and what is declared twice. */
export function lintNames({ applications, placements, clusters }: Project): readonly Problem[] {
  const known = applications.map(({ name }) => name);
  const unplaced = applications.filter((application) => !placements.some((one) => concerns(one, application)));
  return [
    ...placements.flatMap(({ applications: named, at, name }) =>
      named
        .filter((application) => !known.includes(application))
        .map((application) => ({
          code: "unknown-application",
          severity: "warning" as const,
          message: `placement ${name} names the application ${application}, which is not declared here`,
          at,
          ...hintOf(didYouMean(application, known)),
        })),
    ),
    ...unplaced.map(({ name, at }) => ({
      code: "not-placed",
      severity: "warning" as const,
      message: `no placement names the application ${name}, so it runs nowhere`,
      at,
    })),
    ...applications.flatMap((application, index) => {
      const first = applications.findIndex(({ name }) => name === application.name);
      if (first === index) return [];
      const { file, line } = applications[first]?.at ?? application.at;
      const message = `application ${application.name} is declared a second time, first at ${file}:${line}`;
      return [{ code: "duplicate-application", severity: "error" as const, message, at: application.at }];
    }),
    ...(clusters.length === 0 ? [] : lintSelectors({ placements, clusters })),
  ];
}

/** A selector that takes all clusters but a few was often meant to take all. */
const nearly = 0.9;
const few = 10;

function lintSelectors({ placements, clusters }: Pick<Project, "placements" | "clusters">): readonly Problem[] {
  return placements.flatMap((placement) => {
    const matched = clusters.filter((cluster) => matchCluster(placement.clusters, cluster).matched);
    const left = clusters.filter((cluster) => !matched.includes(cluster));
    const problem = (code: string, message: string): Problem => ({
      code,
      severity: "warning",
      message,
      at: placement.at,
    });
    if (matched.length === 0) {
      return [problem("no-cluster", `placement ${placement.name}: ${explainClusters(placement.clusters, clusters)}`)];
    }
    const isNearly = clusters.length >= few && left.length > 0 && matched.length / clusters.length >= nearly;
    const names = left.map(({ name }) => name).join(", ");
    return [
      ...(isNearly ? [problem("nearly-all", `placement ${placement.name} takes all clusters but ${names}`)] : []),
      ...placement.overrides
        .filter(({ clusters: wanted }) => !matched.some((cluster) => matchCluster(wanted, cluster).matched))
        .map(({ clusters: wanted, at }) => ({
          ...problem(
            "no-cluster",
            `this override holds for none of its placement's clusters: ${explainClusters(wanted, matched)}`,
          ),
          at,
        })),
    ];
  });
}

function hintOf(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}
