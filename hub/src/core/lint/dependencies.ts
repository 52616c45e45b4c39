import type { Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import { dependencyCycle } from "../dependency-cycle.ts";
import { select } from "../desired.ts";
import { didYouMean } from "../fields.ts";
import { listNames } from "../list-names.ts";
import { concerns } from "../placement.ts";
import type { Project } from "./index.ts";

const nobody: ReadonlySet<string> = new Set();

/** Applications that would wait for ever: for themselves, for one that is not there, or not on the same clusters. */
export function lintDependencies(project: Project): readonly Problem[] {
  const find = (name: string): Application | undefined => project.applications.find((one) => one.name === name);
  const names = project.applications.map(({ name }) => name);
  return project.applications.flatMap((application): readonly Problem[] => {
    const { name, at, sync } = application;
    const cycle = dependencyCycle(name, find);
    if (cycle !== undefined) {
      const message = `${name} depends on itself: ${cycle.join(" → ")}`;
      return [{ code: "dependency-cycle", severity: "error", message, at }];
    }
    return sync.options.dependsOn.flatMap((other): readonly Problem[] => {
      const dependency = find(other);
      if (dependency === undefined) {
        const hint = didYouMean(other, names);
        const message = `${name} depends on ${other}, which is not declared here`;
        const problem = { code: "unknown-application", severity: "warning", message, at } as const;
        return [hint === undefined ? problem : { ...problem, hint }];
      }
      const lacking = [...clustersOf(project, application).difference(clustersOf(project, dependency))];
      if (lacking.length === 0) return [];
      const message = `${name} depends on ${other}, which is not placed on ${listNames(lacking)}: it would wait there`;
      return [{ code: "dependency-not-placed", severity: "warning", message, at }];
    });
  });
}

function clustersOf({ placements, clusters }: Project, application: Application): ReadonlySet<string> {
  const own = placements.filter((placement) => concerns(placement, application));
  return new Set(select(own, clusters, nobody).selected.keys());
}
