import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import type { PlaceableCluster } from "../cluster-selector.ts";
import type { Declaration } from "../declarations.ts";
import { bundleGroups, placeClusters } from "../desired.ts";
import { listNames } from "../list-names.ts";
import { concerns, type Placement } from "../placement.ts";
import type { RenderGroup } from "../render/groups.ts";
import type { Rendered } from "../render/index.ts";
import { lintDependencies } from "./dependencies.ts";
import { lintNames } from "./names.ts";
import { lintObjects } from "./objects.ts";
import { lintOwners } from "./owners.ts";
import { lintStrategies } from "./strategies.ts";
import { lintVersions } from "./versions.ts";

/** A repository as it would be read and rendered. */
export interface LintInput {
  readonly declarations: readonly Declaration[];
  /** By application; absent for what could not be rendered here, such as one of another repository. */
  readonly rendered: ReadonlyMap<string, readonly Manifest[]>;
  readonly renderOf: RenderOf;
}

/** What the clusters of a group render of an application. */
export type RenderOf = (application: string, group: RenderGroup) => Rendered;

/** The clusters that Git declares. Whether one is cordoned says nothing of what is meant to run there. */
export function clustersIn({ declarations }: Pick<LintInput, "declarations">): readonly PlaceableCluster[] {
  return declarations
    .filter((one) => one.kind === "Cluster")
    .map(({ name, labels, vars }) => ({ name, labels, vars, cordoned: "" }));
}

/**
 * What is probably meant otherwise, or will go wrong on a cluster, although each file by itself can be read. Clusters are
 * those that the repository declares: without any, nothing is said of what they match.
 */
export function lint({ declarations, rendered, renderOf }: LintInput): readonly Problem[] {
  const applications = declarations.filter((one) => one.kind === "Application");
  const placements = declarations.filter((one) => one.kind === "Placement");
  const strategies = declarations.filter((one) => one.kind === "RolloutStrategy");
  const clusters = clustersIn({ declarations });
  const objects = [...rendered.values()].flatMap(lintObjects);
  const project = { applications, placements, clusters, rendered, renderOf };
  return [
    ...lintNames(project),
    ...lintVersions(project),
    ...objects,
    ...lintVariants(project),
    ...lintOwners(project),
    ...lintDependencies(project),
    ...lintStrategies(project, strategies),
  ];
}

/** The same, sorted. */
export interface Project extends Pick<LintInput, "rendered" | "renderOf"> {
  readonly applications: readonly Application[];
  readonly placements: readonly Placement[];
  readonly clusters: readonly PlaceableCluster[];
}

/** What overrides and variables come to on the clusters that are declared. */
function lintVariants({ applications, placements, clusters, rendered, renderOf }: Project): readonly Problem[] {
  return applications.flatMap((application) => {
    const own = placements.filter((placement) => concerns(placement, application));
    if (!rendered.has(application.name) || own.length === 0 || clusters.length === 0) return [];
    const { groups, unselected } = placeClusters(own, clusters, nobody);
    // What is wrong with a render has been told.
    const whole = groups.filter((group) => renderOf(application.name, group).manifests.length > 0);
    const { variants } = bundleGroups({ groups: whole, unselected }, (group) => ({
      manifests: renderOf(application.name, group).manifests,
      problems: [],
    }));
    return variants.flatMap(({ problems, clusters: on }) =>
      problems.map((problem) => ({
        ...problem,
        message: `${application.name} on ${listNames(on)}: ${problem.message}`,
        at: problem.at ?? application.at,
      })),
    );
  });
}

const nobody: ReadonlySet<string> = new Set();
