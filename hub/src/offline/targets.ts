import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import { bundleGroups, placeClusters } from "../core/desired.ts";
import { clustersIn } from "../core/lint/index.ts";
import { concerns } from "../core/placement.ts";
import type { Project } from "./project.ts";

/** What some clusters get of an application. */
export interface OfflineTarget {
  readonly clusters: readonly string[];
  readonly objects: readonly KubeObject[];
  readonly problems: readonly Problem[];
}

export interface OfflineTargets {
  readonly targets: readonly OfflineTarget[];
  /** Of the clusters that do not get it, why. */
  readonly unselected: ReadonlyMap<string, string>;
}

/** What an application comes to on the clusters that Git declares. */
export function targetsOf(project: Project, application: Application): OfflineTargets {
  const placements = project.declarations
    .filter((one) => one.kind === "Placement")
    .filter((placement) => concerns(placement, application));
  const placed = placeClusters(placements, clustersIn(project), new Set());
  const { variants, blobs, unselected } = bundleGroups(placed, (group) => project.renderOf(application.name, group));
  const read = (digest: Parameters<typeof blobs.get>[0]): Uint8Array => blobs.get(digest) ?? new Uint8Array();
  const targets = variants.map(({ bundle, clusters, problems }) => {
    const { objects } = decodeBundle(bundle, read(bundle));
    return { clusters, problems, objects: objects.map((digest) => decodeObject(digest, read(digest))) };
  });
  return { targets, unselected };
}
