import type { BlameQuery, BlameResult, WhyResult } from "@drover/shared/api/explanations";
import { DroverError } from "@drover/shared/errors";

import { withDependencies } from "../controllers/chart-dependencies.ts";
import type { World } from "../controllers/world.ts";
import type { Application } from "../core/application.ts";
import { blame } from "../core/blame/index.ts";
import type { Render } from "../core/blame/rendered.ts";
import type { TargetInput } from "../core/blame/target.ts";
import { why } from "../core/blame/why.ts";
import { formatPackage, packageKey } from "../core/package.ts";
import { chartRequest, chooseRenderer, render, type Variant } from "../core/render/index.ts";
import { looksAtNothing, type Looks } from "../core/render/looks.ts";
import type { TargetId } from "../core/target.ts";
import type { Helm } from "../source/programs/helm.ts";
import { filesForKustomize } from "../source/programs/kustomize-files.ts";
import type { Kustomize } from "../source/programs/kustomize.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { Store } from "../store/store.ts";

export interface ExplanationDeps {
  readonly store: Store;
  readonly world: World;
  readonly kustomize: Kustomize;
  readonly helm: Helm;
}

/** Answers that may take a render each are worked out at once for this many callers. */
const maxAtOnce = 4;

/** Why targets are as they are, from what the hub has read of Git by now. */
export interface Explanations {
  /** Throws `not_found` for what is not declared or has not joined. */
  why(target: TargetId, signal: AbortSignal): Promise<WhyResult>;
  /** Throws `not_found` and `usage`. */
  blame(target: TargetId, wanted: BlameQuery, signal: AbortSignal): Promise<BlameResult>;
}

export function createExplanations(deps: ExplanationDeps): Explanations {
  let busy = 0;
  const bounded = async <T>(answer: () => Promise<T>): Promise<T> => {
    if (busy >= maxAtOnce)
      throw new DroverError("timeout", "too many others ask the same of the hub", { hint: "try again" });
    busy += 1;
    try {
      return await answer();
    } finally {
      busy -= 1;
    }
  };
  return {
    why: (target, signal) =>
      bounded(() => {
        const input = inputFor(deps, target);
        const looks = async (variant: Variant): Promise<Looks> => looksOf(deps, input.application, variant);
        return why({ ...input, render: renderFrom(deps, target, signal), looks });
      }),
    blame: (target, wanted, signal) =>
      bounded(() => {
        const snapshot = snapshotOf(deps, target.app);
        const input = {
          ...inputFor(deps, target),
          snapshot,
          render: renderFrom(deps, target, signal),
          kustomizeFiles: (path: string) => filesForKustomize(snapshot, path),
          others: othersOn(deps, target),
        };
        return blame(input, wanted);
      }),
  };
}

function inputFor({ world }: ExplanationDeps, { app, cluster: name }: TargetId): TargetInput {
  const [application] = world.catalogs.applications(app);
  const clusters = world.placeable();
  const cluster = clusters.find((one) => one.name === name);
  if (application === undefined) throw new DroverError("not_found", `no source declares an application named ${app}`);
  if (cluster === undefined) throw new DroverError("not_found", `there is no cluster ${name}`);
  return {
    application,
    placements: world.catalogs.placementsOf(app),
    clusters,
    cluster,
    declared: world.catalogs.declaredCluster(name),
    running: world.running(app),
    read: (repository, file) => snapshotIn(world, repository).decode(file),
  };
}

function renderFrom(deps: ExplanationDeps, { app }: TargetId, signal: AbortSignal): Render {
  return (application, variant) => {
    const snapshot = snapshotOf(deps, app);
    return render(
      {
        application,
        snapshot,
        kustomize: (path, stop) => deps.kustomize(snapshot, path, stop),
        helm: (request, stop) => deps.helm.template(snapshot, request, stop),
        variant,
      },
      signal,
    );
  };
}

async function looksOf(deps: ExplanationDeps, application: Application, variant: Variant): Promise<Looks> {
  const snapshot = snapshotOf(deps, application.name);
  if (chooseRenderer(application, snapshot) !== "helm") return looksAtNothing;
  return deps.helm.looks(snapshot, chartRequest(application, variant));
}

function snapshotOf(deps: ExplanationDeps, app: string): Snapshot {
  const snapshot = withDependencies(deps.world, app, ownSnapshotOf(deps, app));
  if (snapshot !== undefined) return snapshot;
  throw new DroverError("source_missing", `the chart of ${app} depends on others, which have not been fetched yet`);
}

function ownSnapshotOf({ world }: ExplanationDeps, app: string): Snapshot {
  const { repository = "", package: ref } = world.catalogs.applications(app)[0]?.source ?? {};
  if (ref === undefined) return snapshotIn(world, repository);
  const snapshot = world.packages.get(packageKey(ref))?.fetched?.snapshot;
  if (snapshot !== undefined) return snapshot;
  throw new DroverError("source_missing", `${formatPackage(ref)} has not been fetched yet`);
}

function snapshotIn(world: World, repository: string): Snapshot {
  const { snapshot } = world.source(repository);
  if (snapshot !== undefined) return snapshot;
  throw new DroverError("source_missing", `the repository ${repository} has not been read yet`, {
    hint: `drover describe source ${repository}`,
  });
}

function* othersOn(
  { store }: ExplanationDeps,
  { app, cluster }: TargetId,
): Generator<{ app: string; keys: ReturnType<typeof keysOf> }> {
  for (const { app: other } of store.targetsOn(cluster)) {
    if (other !== app) yield { app: other, keys: keysOf(store, { app: other, cluster }) };
  }
}

function keysOf(store: Store, target: TargetId) {
  return (store.observed(target)?.report?.objects ?? []).map(({ key }) => key);
}
