import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DroverError, type Position } from "@drover/shared/errors";
import type { Manifest } from "@drover/shared/kube/manifest";
import { uniqueProblems, type Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import type { Render } from "../core/blame/rendered.ts";
import { readDeclaringFile, type Declaration } from "../core/declarations.ts";
import { placeClusters, type Group } from "../core/desired.ts";
import { clustersIn, type RenderOf } from "../core/lint/index.ts";
import { formatPackage, type PackageRef } from "../core/package.ts";
import { concerns } from "../core/placement.ts";
import type { Capabilities } from "../core/render/chart.ts";
import { renderFor, renderGroups, type Renders } from "../core/render/groups.ts";
import {
  chartRequest,
  chooseRenderer,
  render,
  type Rendered,
  type RenderInput,
  type Variant,
} from "../core/render/index.ts";
import { createHelm, type Helm } from "../source/programs/helm.ts";
import { createKustomize } from "../source/programs/kustomize.ts";
import { withArchives } from "../source/programs/with-archives.ts";
import { createPackages, type Archive, type FetchedPackage, type Packages } from "../source/published/packages.ts";
import type { Snapshot } from "../source/snapshot.ts";
import { peoplesNetworks } from "../source/web/networks.ts";
import { readRevision, readWorkingTree } from "./working-tree.ts";

/** A repository as it lies in a folder, read and rendered as the hub would do it. */
export interface Project {
  readonly declarations: readonly Declaration[];
  /** By application, of those that render without an error; where clusters give values to a chart, for some of them. */
  readonly rendered: ReadonlyMap<string, readonly Manifest[]>;
  /** What the clusters of a group render of an application. */
  readonly renderOf: RenderOf;
  readonly snapshot: Snapshot;
  /** What an application is rendered from. Throws `source_missing` for a package that was not fetched. */
  readonly contentOf: (application: Application) => Snapshot;
  /** Renders once more, in another way than the files have it. */
  readonly render: Render;
  /** Applications whose chart looks at what `capabilities` did not say. */
  readonly assumed: readonly string[];
  /** Everything that is wrong with the files, and with what they render. */
  readonly problems: readonly Problem[];
}

export interface ProjectOptions {
  readonly folder: string;
  /** A commit instead of the files as they are now. */
  readonly revision?: string;
  /** Whether charts and artifacts are fetched from where they are published, without credentials. */
  readonly fetch?: boolean;
  /** What charts are told of every cluster, since no agent is asked; default: Helm's own idea of one. */
  readonly capabilities?: Capabilities;
  /** Where programs are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads a folder. Throws only what is no fault of its files, such as a program that is missing. */
export async function readProject(options: ProjectOptions, signal: AbortSignal): Promise<Project> {
  if (options.fetch !== true) return read(options, undefined, signal);
  const folder = await mkdtemp(join(tmpdir(), "drover-packages-"));
  try {
    return await read(options, createPackages({ folder, credentialFor: isOnHub, networks: peoplesNetworks }), signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isOnHub(name: string): never {
  throw new DroverError("source_auth", `the credential ${name} is on the hub, and nowhere else`);
}

async function read(options: ProjectOptions, packages: Packages | undefined, signal: AbortSignal): Promise<Project> {
  const { folder, revision, environment } = options;
  const snapshot = await (revision === undefined
    ? readWorkingTree(folder, signal)
    : readRevision(folder, revision, signal));
  const declarations: Declaration[] = [];
  const problems: Problem[] = [];
  for (const { path } of snapshot.entries.values()) {
    if (!/\.ya?ml$/u.test(path)) continue;
    const read = await readDeclaringFile(snapshot.repository, snapshot, path);
    declarations.push(...read.declarations);
    problems.push(...read.problems);
  }
  const programs = { kustomize: createKustomize({ environment }), helm: createHelm({ environment }) };
  const contents = new Map<string, Snapshot>();
  const contentOf = ({ name }: Application): Snapshot => {
    const content = contents.get(name);
    if (content !== undefined) return content;
    throw new DroverError("source_missing", `what ${name} is rendered from is not here`);
  };
  const renderOne: Render = (application, variant) => {
    const content = contentOf(application);
    const input: RenderInput = {
      application,
      snapshot: content,
      kustomize: (path, stop) => programs.kustomize(content, path, stop),
      helm: (request, stop) => programs.helm.template(content, request, stop),
    };
    return render({ ...input, variant: { ...variant, ...options.capabilities } }, signal);
  };
  const renders = new Map<string, Renders>();
  const assumed: string[] = [];
  for (const application of declarations) {
    if (application.kind !== "Application" || application.source.repository !== snapshot.repository) continue;
    const content = await fetchContent(application, { snapshot, packages, helm: programs.helm }, signal);
    if ("code" in content) {
      problems.push(content);
      continue;
    }
    contents.set(application.name, content);
    const own = (variant: Variant): Promise<Rendered> => renderOne(application, variant);
    if (await isAssumed(application, content, { helm: programs.helm, told: options.capabilities ?? {} })) {
      assumed.push(application.name);
    }
    renders.set(application.name, await renderGroups(application, groupsOf(declarations, application), own));
  }
  const all = [...renders.values()].flatMap((byValues) => [...byValues.values()]);
  problems.push(...uniqueProblems(all.flatMap((render) => render.problems)));
  return { declarations, problems, snapshot, assumed, contentOf, render: renderOne, ...lookup(renders) };
}

async function isAssumed(
  application: Application,
  content: Snapshot,
  { helm, told }: { readonly helm: Helm; readonly told: Capabilities },
): Promise<boolean> {
  if (chooseRenderer(application, content) !== "helm") return false;
  const { version, apis } = await helm.looks(content, chartRequest(application));
  return (version && told.kubeVersion === undefined) || (apis && told.apis === undefined);
}

interface Fetching {
  readonly snapshot: Snapshot;
  readonly packages: Packages | undefined;
  readonly helm: Helm;
}

/** The files of an application; a problem of its own where they are elsewhere and do not come here. */
async function fetchContent(
  application: Application,
  { snapshot, packages, helm }: Fetching,
  signal: AbortSignal,
): Promise<Snapshot | Problem> {
  const { name, source, at } = application;
  if (source.package === undefined) return addDependencies(application, { snapshot, packages, helm }, signal);
  const fetched = await fetchPackage({ name, ref: source.package, at }, packages, signal);
  if ("code" in fetched) return fetched;
  return addDependencies(application, { snapshot: fetched.snapshot, packages, helm }, signal);
}

/** What the hub fetches before it renders a chart. */
async function addDependencies(
  application: Application,
  { snapshot, packages, helm }: Fetching,
  signal: AbortSignal,
): Promise<Snapshot | Problem> {
  if (chooseRenderer(application, snapshot) !== "helm") return snapshot;
  const archives = new Map<string, Archive>();
  for (const { ref, path, at } of await helm.wanted(snapshot, chartRequest(application))) {
    const fetched = await fetchPackage({ name: application.name, ref, at }, packages, signal);
    if ("code" in fetched) return fetched;
    archives.set(path, fetched.archive);
  }
  return archives.size === 0 ? snapshot : withArchives(snapshot, archives);
}

async function fetchPackage(
  { name, ref, at }: { readonly name: string; readonly ref: PackageRef; readonly at: Position },
  packages: Packages | undefined,
  signal: AbortSignal,
): Promise<FetchedPackage | Problem> {
  if (packages === undefined) {
    const message = `${name} is not rendered here: ${formatPackage(ref)} is not in the repository`;
    return { code: "package-not-fetched", severity: "warning", message, at, hint: "fetch it with --fetch" };
  }
  try {
    return await packages.fetch(ref, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const { message, hint } = DroverError.from(cause);
    const problem = { code: "package-not-fetched", severity: "error", message: `${name}: ${message}`, at } as const;
    return hint === undefined ? problem : { ...problem, hint };
  }
}

const nobody: ReadonlySet<string> = new Set();

function groupsOf(declarations: readonly Declaration[], application: Application): readonly Group[] {
  const placements = declarations.filter((one) => one.kind === "Placement");
  const own = placements.filter((placement) => concerns(placement, application));
  return placeClusters(own, clustersIn({ declarations }), nobody).groups;
}

function lookup(renders: ReadonlyMap<string, Renders>): Pick<Project, "rendered" | "renderOf"> {
  const isGood = ({ problems }: Rendered): boolean => !problems.some(({ severity }) => severity === "error");
  const rendered = new Map<string, readonly Manifest[]>();
  for (const [name, byValues] of renders) {
    const good = [...byValues.values()].find(isGood);
    if (good !== undefined) rendered.set(name, good.manifests);
  }
  const renderOf: RenderOf = (name, group) => renderFor(renders.get(name) ?? new Map(), group);
  return { rendered, renderOf };
}
