import type { BlameQuery, BlameResult, WhyResult } from "@drover/shared/api/explanations";
import { objectKey } from "@drover/shared/kube/manifest";

import { blame } from "../core/blame/index.ts";
import type { TargetInput } from "../core/blame/target.ts";
import { why } from "../core/blame/why.ts";
import { clustersIn } from "../core/lint/index.ts";
import { concerns } from "../core/placement.ts";
import { filesForKustomize } from "../source/programs/kustomize-files.ts";
import type { Project } from "./project.ts";
import { findApplication, findCluster } from "./render-target.ts";

interface Target {
  readonly app: string;
  readonly cluster: string;
}

/** Why an application is or is not on a cluster that the folder declares. Throws `not_found`. */
export function explainTarget(project: Project, target: Target): Promise<WhyResult> {
  return why({ ...inputFor(project, target), render: project.render });
}

/** What set each field of an object. Throws `not_found` and `usage`. */
export function blameObject(project: Project, target: Target, wanted: BlameQuery): Promise<BlameResult> {
  const { render, rendered } = project;
  const input = inputFor(project, target);
  const snapshot = project.contentOf(input.application);
  const others = [...rendered].map(([app, manifests]) => ({
    app,
    keys: manifests.map(({ object }) => objectKey(object)),
  }));
  const kustomizeFiles = (path: string): Promise<readonly string[]> => filesForKustomize(snapshot, path);
  return blame({ ...input, snapshot, render, kustomizeFiles, others }, wanted);
}

function inputFor(project: Project, target: Target): TargetInput {
  const { declarations, snapshot } = project;
  const application = findApplication(project, target.app);
  const cluster = findCluster(project, target.cluster);
  return {
    application,
    placements: declarations.filter((one) => one.kind === "Placement").filter((one) => concerns(one, application)),
    clusters: clustersIn(project),
    cluster,
    declared: declarations.filter((one) => one.kind === "Cluster").find(({ name }) => name === cluster.name),
    running: new Set(),
    read: (_repository, file) => snapshot.decode(file),
  };
}
