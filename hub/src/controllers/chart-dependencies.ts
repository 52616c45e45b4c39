import type { Condition } from "@drover/shared/conditions";

import type { Application } from "../core/application.ts";
import { formatPackage, packageKey, type PackageRef } from "../core/package.ts";
import { chartRequest, chooseRenderer } from "../core/render/index.ts";
import type { WantedChart } from "../source/programs/chart-files.ts";
import type { Helm } from "../source/programs/helm.ts";
import { withArchives } from "../source/programs/with-archives.ts";
import type { Archive } from "../source/published/packages.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { PackageStatus, World } from "./world.ts";

export interface DependencyDeps {
  readonly world: World;
  readonly helm: Pick<Helm, "wanted">;
  /** Asks for a look at what `World.packageRefs` says by now. */
  readonly wanted: () => void;
}

const type = "DependenciesFetched";

/**
 * The snapshot with the archives that an application's chart depends on; undefined while one of them is not here, which is
 * a condition then. They are fetched by whoever looks at packages, so that no repository holds up an application of another.
 */
export async function addDependencies(
  { world, helm, wanted }: DependencyDeps,
  application: Application,
  snapshot: Snapshot,
): Promise<Snapshot | undefined> {
  const { name } = application;
  const isChart = chooseRenderer(application, snapshot) === "helm";
  const charts = isChart ? await helm.wanted(snapshot, chartRequest(application)) : [];
  if (world.setDependencies(name, charts)) wanted();
  const condition = describe(world, charts);
  if (condition !== undefined || world.application(name).conditions.some((one) => one.type === type)) {
    world.setApplication(name, {}, condition ?? { type, status: "True", reason: "Fetched", message: "" });
  }
  return completed(world, charts, snapshot);
}

/** The same for those who only look; undefined while something is missing. */
export function withDependencies(world: World, app: string, snapshot: Snapshot): Snapshot | undefined {
  return completed(world, world.dependencies(app), snapshot);
}

/** What is worked out of a snapshot is remembered by it, so that it has to be the same one as long as nothing changes. */
const known = new WeakMap<Snapshot, { readonly key: string; readonly snapshot: Snapshot }>();

function completed(world: World, charts: readonly WantedChart[], snapshot: Snapshot): Snapshot | undefined {
  if (charts.length === 0) return snapshot;
  const archives = new Map<string, Archive>();
  for (const { ref, path } of charts) {
    const archive = statusOf(world, ref)?.fetched?.archive;
    if (archive === undefined) return undefined;
    archives.set(path, archive);
  }
  const key = [...archives].map(([path, { digest }]) => `${path} ${digest}`).join("\n");
  const remembered = known.get(snapshot);
  if (remembered?.key === key) return remembered.snapshot;
  const added = withArchives(snapshot, archives);
  known.set(snapshot, { key, snapshot: added });
  return added;
}

function statusOf(world: World, ref: PackageRef): PackageStatus | undefined {
  return world.packages.get(packageKey(ref));
}

function describe(world: World, charts: readonly WantedChart[]): Omit<Condition, "since"> | undefined {
  for (const { ref, at } of charts) {
    const failure = statusOf(world, ref)?.failure;
    if (failure === undefined) continue;
    const message = `${at.file}:${at.line}: ${ref.name} ${ref.version}: ${failure.message}`;
    return { type, status: "False", reason: failure.code, message };
  }
  const missing = charts.find(({ ref }) => statusOf(world, ref)?.fetched === undefined);
  if (missing === undefined) return undefined;
  const message = `${formatPackage(missing.ref)} ${missing.ref.version} has not been fetched yet`;
  return { type, status: "Unknown", reason: "SourceNotRead", message };
}
