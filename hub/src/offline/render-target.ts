import { DroverError } from "@drover/shared/errors";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import type { PlaceableCluster } from "../core/cluster-selector.ts";
import { didYouMean } from "../core/fields.ts";
import { clustersIn } from "../core/lint/index.ts";
import type { Project } from "./project.ts";
import { targetsOf } from "./targets.ts";

/** What an application comes to, on one cluster or before any override. Throws `not_found` and `usage`. */
export function renderTarget(
  project: Project,
  { app, cluster }: { readonly app: string; readonly cluster: string | undefined },
): { readonly objects: readonly KubeObject[]; readonly problems: readonly Problem[] } {
  const application = findApplication(project, app);
  const manifests = project.rendered.get(app);
  if (manifests === undefined) return { objects: [], problems: project.problems };
  if (cluster === undefined) return { objects: manifests.map(({ object }) => object), problems: [] };
  findCluster(project, cluster);
  const { targets, unselected } = targetsOf(project, application);
  const target = targets.find(({ clusters }) => clusters.includes(cluster));
  if (target !== undefined) return target;
  const why = unselected.get(cluster) ?? `no placement names ${app}`;
  throw new DroverError("not_found", `${app} does not run on ${cluster}: ${why}`);
}

/** Throws `not_found` with the name that was probably meant. */
export function findCluster(project: Project, name: string): PlaceableCluster {
  const clusters = clustersIn(project);
  const found = clusters.find((cluster) => cluster.name === name);
  if (found !== undefined) return found;
  throw unknown(
    "cluster",
    name,
    clusters.map((cluster) => cluster.name),
  );
}

/** Throws `not_found` with the name that was probably meant. */
export function findApplication({ declarations }: Project, app: string): Application {
  const applications = declarations.filter((one) => one.kind === "Application");
  const found = applications.find(({ name }) => name === app);
  if (found !== undefined) return found;
  throw unknown(
    "application",
    app,
    applications.map(({ name }) => name),
  );
}

function unknown(what: string, name: string, known: readonly string[]): DroverError {
  const near = didYouMean(name, known);
  const hint =
    near ?? (known.length === 0 ? `the folder declares no ${what}` : `there are ${known.slice(0, 10).join(", ")}`);
  return new DroverError("not_found", `the folder declares no ${what} named ${JSON.stringify(name)}`, { hint });
}
