import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import { DroverError } from "@drover/shared/errors";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import { desire } from "../core/desired.ts";
import { didYouMean } from "../core/fields.ts";
import { concerns } from "../core/placement.ts";
import type { Project } from "./project.ts";

/** What an application comes to, on one cluster or before any override. Throws `not_found` and `usage`. */
export function renderTarget(
  project: Project,
  { app, cluster }: { readonly app: string; readonly cluster: string | undefined },
): { readonly objects: readonly KubeObject[]; readonly problems: readonly Problem[] } {
  const application = findApplication(project, app);
  const manifests = project.rendered.get(app);
  if (manifests === undefined) return { objects: [], problems: project.problems };
  if (cluster === undefined) return { objects: manifests.map(({ object }) => object), problems: [] };
  const declared = project.declarations.filter((one) => one.kind === "Cluster");
  const found = declared.find(({ name }) => name === cluster);
  const names = declared.map(({ name }) => name);
  if (found === undefined) throw unknown("cluster", cluster, names);
  const { name, labels, vars } = found;
  const placements = project.declarations.filter((one) => one.kind === "Placement");
  const own = placements.filter((placement) => concerns(placement, application));
  const { variants, blobs, unselected } = desire(manifests, own, [{ name, labels, vars, cordoned: "" }]);
  const [variant] = variants;
  if (variant === undefined) {
    const why = unselected.get(cluster) ?? `no placement names ${app}`;
    throw new DroverError("not_found", `${app} does not run on ${cluster}: ${why}`);
  }
  const read = (digest: Parameters<typeof blobs.get>[0]): Uint8Array => blobs.get(digest) ?? new Uint8Array();
  const { objects } = decodeBundle(variant.bundle, read(variant.bundle));
  return { objects: objects.map((digest) => decodeObject(digest, read(digest))), problems: variant.problems };
}

function findApplication({ declarations }: Project, app: string): Application {
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
