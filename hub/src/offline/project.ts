import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import { mayDeclare, readDeclarations, type Declaration } from "../core/declarations.ts";
import { placeClusters, type Group } from "../core/desired.ts";
import { clustersIn, type RenderOf } from "../core/lint/index.ts";
import { concerns } from "../core/placement.ts";
import { render, type Rendered } from "../core/render/index.ts";
import { markManifests } from "../core/templates.ts";
import { createHelm } from "../source/helm.ts";
import { createKustomize } from "../source/kustomize.ts";
import type { Snapshot } from "../source/snapshot.ts";
import { readRevision, readWorkingTree } from "./working-tree.ts";

/** A repository as it lies in a folder, read and rendered as the hub would do it. */
export interface Project {
  readonly declarations: readonly Declaration[];
  /** By application, of those that render without an error; where clusters give values to a chart, for some of them. */
  readonly rendered: ReadonlyMap<string, readonly Manifest[]>;
  /** What the clusters of a group render of an application. */
  readonly renderOf: RenderOf;
  /** Everything that is wrong with the files, and with what they render. */
  readonly problems: readonly Problem[];
}

export interface ProjectOptions {
  readonly folder: string;
  /** A commit instead of the files as they are now. */
  readonly revision?: string;
  /** Where programs are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads a folder. Throws only what is no fault of its files, such as a program that is missing. */
export async function readProject(options: ProjectOptions, signal: AbortSignal): Promise<Project> {
  const { folder, revision, environment } = options;
  const snapshot = await (revision === undefined
    ? readWorkingTree(folder, signal)
    : readRevision(folder, revision, signal));
  const declarations: Declaration[] = [];
  const problems: Problem[] = [];
  for (const { path } of snapshot.entries.values()) {
    if (!/\.ya?ml$/u.test(path)) continue;
    const read = await readFileDeclarations(snapshot, path);
    declarations.push(...read.declarations);
    problems.push(...read.problems);
  }
  const renders = new Map<string, ReadonlyMap<string, Rendered>>();
  for (const application of declarations) {
    if (application.kind !== "Application" || application.source.repository !== snapshot.repository) continue;
    const groups = groupsOf(declarations, application);
    renders.set(application.name, await renderGroups({ application, snapshot, environment, groups }, signal));
  }
  const all = [...renders.values()].flatMap((byValues) => [...byValues.values()]);
  problems.push(...unique(all.flatMap((render) => render.problems)));
  return { declarations, problems, ...lookup(renders) };
}

const nobody: ReadonlySet<string> = new Set();

function groupsOf(declarations: readonly Declaration[], application: Application): readonly Group[] {
  const placements = declarations.filter((one) => one.kind === "Placement");
  const own = placements.filter((placement) => concerns(placement, application));
  return placeClusters(own, clustersIn({ declarations }), nobody).groups;
}

/** By the values that clusters give to a chart; without clusters, once. */
async function renderGroups(
  input: Pick<ProjectOptions, "environment"> & {
    readonly application: Application;
    readonly snapshot: Snapshot;
    readonly groups: readonly Group[];
  },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Rendered>> {
  const { application, snapshot, environment, groups } = input;
  const [kustomize, helm] = [createKustomize({ environment }), createHelm({ environment })];
  const renders = new Map<string, Rendered>();
  for (const { values } of groups.length === 0 ? [{ values: [] }] : groups) {
    const key = canonicalJson(values);
    if (renders.has(key)) continue;
    const rendered = await render(
      {
        application,
        snapshot,
        kustomize: (path, stop) => kustomize(snapshot, path, stop),
        helm: (request, stop) => helm.template(snapshot, request, stop),
        variant: { values },
      },
      signal,
    );
    const { manifests, problems } = markWhereWanted(application, rendered.manifests);
    renders.set(key, { manifests, problems: [...rendered.problems, ...problems] });
  }
  return renders;
}

function lookup(renders: ReadonlyMap<string, ReadonlyMap<string, Rendered>>): Pick<Project, "rendered" | "renderOf"> {
  const isGood = ({ problems }: Rendered): boolean => !problems.some(({ severity }) => severity === "error");
  const rendered = new Map<string, readonly Manifest[]>();
  for (const [name, byValues] of renders) {
    const good = [...byValues.values()].find(isGood);
    if (good !== undefined) rendered.set(name, good.manifests);
  }
  const renderOf: RenderOf = (name, { values }) => renders.get(name)?.get(canonicalJson(values)) ?? nothing;
  return { rendered, renderOf };
}

const nothing: Rendered = { manifests: [], problems: [] };

function unique(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

function markWhereWanted(application: Application, manifests: readonly Manifest[]): ReturnType<typeof markManifests> {
  return application.substitute ? markManifests(manifests) : { manifests, problems: [] };
}

async function readFileDeclarations(snapshot: Snapshot, path: string): Promise<ReturnType<typeof readDeclarations>> {
  try {
    const bytes = await snapshot.read(path);
    return mayDeclare(bytes) ? readDeclarations(snapshot.repository, path, bytes) : { declarations: [], problems: [] };
  } catch (cause) {
    const { code, message, at = { file: path, line: 1, column: 1 } } = DroverError.from(cause);
    return { declarations: [], problems: [{ code, severity: "warning", message, at }] };
  }
}
