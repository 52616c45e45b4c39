import type { Application } from "../core/application.ts";
import { applicationsIn, type Catalog } from "../core/catalog.ts";
import type { Declaration } from "../core/declarations.ts";
import { dependencyCycleReason } from "../core/dependency-cycle.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { Store } from "../store/store.ts";
import { filesKey } from "./renderer.ts";
import type { World } from "./world.ts";

interface AffectedDeps {
  readonly store: Pick<Store, "applications" | "targetsOf">;
  readonly world: Pick<World, "catalogs" | "application">;
}

/** What a repository says. */
export interface Published {
  readonly catalog: Catalog;
  readonly snapshot: Snapshot;
}

export interface Affected {
  /** Of these something may be another now; first those whose own files are. */
  readonly changed: ReadonlySet<string>;
  /** Rendered from the same files as before, in this commit too. */
  readonly asBefore: ReadonlySet<string>;
}

/**
 * The applications that a repository's new commit may change: of a thousand in one repository mostly one. On any doubt it
 * is all of them: before the repository was read whole, or of what is not as it should be. The catalog is in force already.
 */
export async function affected(deps: AffectedDeps, before: Published | undefined, now: Published): Promise<Affected> {
  const { catalogs } = deps.world;
  const isCertain = before !== undefined && isWhole(before.catalog) && isWhole(now.catalog);
  const differing = isCertain ? declarationsThatDiffer(before.catalog, now.catalog) : now.catalog;
  const everything = !isCertain || differing.declarations.some(reachesOthers);
  const named = applicationsIn(differing, catalogs.applicationNames());
  const mayDiffer = (app: string): boolean => everything || named.has(app) || !isSettled(deps, app);
  const rendered = new Set<string>();
  const others = new Set<string>();
  const asBefore = new Set<string>();
  for (const app of allThatHangOn(deps, before?.catalog, now.catalog)) {
    const own = catalogs.applications(app).slice(0, 1).find(isRenderedFrom(now.catalog.repository));
    if (own !== undefined && !(await readsTheSame(own, before?.snapshot, now.snapshot))) rendered.add(app);
    else if (mayDiffer(app)) others.add(app);
    else if (own !== undefined) asBefore.add(app);
  }
  return { changed: new Set([...rendered, ...others]), asBefore };
}

function isRenderedFrom(repository: string): (application: Application) => boolean {
  return ({ source }) => source.package === undefined && source.repository === repository;
}

/** All that a repository has a part in. */
function allThatHangOn({ store, world }: AffectedDeps, before: Catalog | undefined, now: Catalog): ReadonlySet<string> {
  const { catalogs } = world;
  const known = catalogs.applicationNames();
  const names = new Set(
    [now, ...(before === undefined ? [] : [before])].flatMap((one) => [...applicationsIn(one, known)]),
  );
  for (const app of store.applications()) {
    if (store.targetsOf(app).some((target) => target.declaredIn.includes(now.repository))) names.add(app);
  }
  const everything = clustersMayDiffer(now, before);
  for (const app of known) {
    // Any repository may have broken the cycle.
    const isInCycle = world.application(app).conditions.some(({ reason }) => reason === dependencyCycleReason);
    const source = catalogs.applications(app)[0]?.source;
    if (everything || isInCycle || source?.repository === now.repository) names.add(app);
  }
  return names;
}

/** Whether what Git says of clusters may have changed: then every placement is to be looked at again. */
function clustersMayDiffer(catalog: Catalog, before: Catalog | undefined): boolean {
  const told = (from: Catalog | undefined): string =>
    JSON.stringify(
      (from?.declarations ?? []).flatMap((d) => (d.kind === "Cluster" ? [[d.name, d.labels, d.vars, d.cordoned]] : [])),
    );
  return told(catalog) !== told(before);
}

/** What only one of them declares. A file that is as it was is not read again, so what it declares is the very same value. */
function declarationsThatDiffer(before: Catalog, now: Catalog): Catalog {
  const [old, fresh] = [new Set(before.declarations), new Set(now.declarations)];
  return { ...now, declarations: [...old.symmetricDifference(fresh)] };
}

/** What others name: a strategy, a cluster, an application that may close a cycle of dependencies. */
function reachesOthers(declaration: Declaration): boolean {
  if (declaration.kind === "Application") return declaration.sync.options.dependsOn.length > 0;
  return declaration.kind === "RolloutStrategy" || declaration.kind === "Cluster";
}

function isWhole({ problems }: Catalog): boolean {
  return problems.every(({ severity }) => severity !== "error");
}

/** Whether the last look at it came to its end, and left nothing that waits or is wrong. */
function isSettled({ world }: AffectedDeps, app: string): boolean {
  const { conditions, wide } = world.application(app);
  const isRendered = conditions.some(({ type, status }) => type === "Rendered" && status === "True");
  return isRendered && wide.length === 0 && conditions.every(({ status }) => status === "True");
}

/** What a chart reads hangs on the cluster as well: of it this is never certain. */
async function readsTheSame(application: Application, before: Snapshot | undefined, now: Snapshot): Promise<boolean> {
  if (before === undefined) return false;
  const [old, fresh] = await Promise.all([filesKey(application, before), filesKey(application, now)]);
  return old !== undefined && old === fresh;
}
