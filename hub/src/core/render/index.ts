import { canonicalJson } from "@drover/shared/digest";
import type { JsonRecord } from "@drover/shared/json";
import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import { defaultHelm, maxReleaseName } from "../helm.ts";
import { formatPackage } from "../package.ts";
import { findChart, type Capabilities, type ChartOutput, type ChartRequest } from "./chart.ts";
import { loadHelm } from "./helm.ts";
import { findKustomization } from "./kustomization.ts";
import { loadKustomize } from "./kustomize.ts";
import type { Loaded, PartSink } from "./loaded.ts";
import { ObjectCollector, readDocument } from "./objects.ts";
import { loadPlain, type FileMemory } from "./plain.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

export interface RenderInput {
  readonly application: Application;
  readonly snapshot: SnapshotFiles;
  /** Builds the kustomization in a folder of the snapshot. */
  readonly kustomize: (path: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Renders a chart of the snapshot. */
  readonly helm: (request: ChartRequest, signal: AbortSignal) => Promise<ChartOutput>;
  readonly variant?: Variant;
  /** What plain files held when they were read last. */
  readonly memory?: FileMemory;
}

/** What one render of an application may have of its own: for a cluster, or a group of them. Only charts look at it. */
export interface Variant extends Capabilities {
  /** From weak to strong, all stronger than the application's own values. */
  readonly values?: readonly JsonRecord[];
}

/** Equal for equal variants. The list of APIs, which may be long, counts by its digest. */
export function variantKey({ apis, ...variant }: Variant): string {
  return canonicalJson({ ...variant, apis: apis?.digest });
}

/** Any problem of severity `error` means that this revision is rejected whole: the last good one stays. */
export interface Rendered {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/**
 * Turns an application's files into manifests: canonical, in apply order, each identity once. What is wrong with the
 * files are problems; throws only what is no fault of theirs (`program_missing`, `timeout`, a repository gone).
 */
export async function render(input: RenderInput, signal: AbortSignal): Promise<Rendered> {
  const collector = new ObjectCollector(input.application.namespace);
  const loading = await load(input, collector, signal);
  const { manifests, problems } = collector.finish();
  return { manifests, problems: [...loading, ...problems] };
}

/** Reads everything into the sink; what is wrong with the files. */
async function load(input: RenderInput, sink: PartSink, signal: AbortSignal): Promise<readonly Problem[]> {
  const { application, snapshot } = input;
  const { path, exclude } = application.source;
  if (!exists(snapshot, path)) {
    return application.sync.allowEmpty ? [] : [noFolder(application)];
  }
  const renderer = chooseRenderer(application, snapshot);
  if (renderer === "plain") {
    const wanted = { folder: path, exclude, at: application.at, memory: input.memory };
    return loadPlain(snapshot, wanted, sink, signal);
  }
  const loaded = await (renderer === "helm" ? loadChart(input, signal) : loadBuilt(input, signal));
  for (const document of loaded.documents) sink.take(readDocument(document));
  return loaded.problems;
}

function loadBuilt({ application, snapshot, kustomize }: RenderInput, signal: AbortSignal): Promise<Loaded> | Loaded {
  const { path } = application.source;
  const kustomization = findKustomization(snapshot, path);
  if (kustomization !== undefined) return loadKustomize((stop) => kustomize(path, stop), kustomization, signal);
  return refuse({
    code: "no-kustomization",
    severity: "error",
    message: `there is no kustomization.yaml in ${path === "" ? "the root" : path}`,
    at: application.at,
  });
}

/**
 * Which program an application's folder is for. A kustomization wins over a chart beside it, as in Argo CD: people put
 * one there to patch what the chart came to. Options for Helm say that the chart itself is meant.
 */
export function chooseRenderer(application: Application, snapshot: SnapshotFiles): "plain" | "kustomize" | "helm" {
  const { renderer, source, helm } = application;
  if (renderer !== "auto") return renderer;
  if (helm !== undefined) return "helm";
  if (findKustomization(snapshot, source.path) !== undefined) return "kustomize";
  return findChart(snapshot, source.path) === undefined ? "plain" : "helm";
}

function loadChart(input: RenderInput, signal: AbortSignal): Promise<Loaded> | Loaded {
  const { application, snapshot, helm } = input;
  const { at, source } = application;
  const chart = findChart(snapshot, source.path);
  if (chart === undefined) {
    const message = `there is no Chart.yaml in ${source.path === "" ? "the root" : source.path}`;
    return refuse({ code: "no-chart", severity: "error", message, at });
  }
  const request = chartRequest(application, input.variant);
  if (request.releaseName.length > maxReleaseName) {
    const message = `the name ${request.releaseName} is too long for a release, which has up to ${maxReleaseName} characters`;
    return refuse({ code: "helm-release-name", severity: "error", message, at, hint: "set helm.releaseName" });
  }
  return loadHelm((stop) => helm(request, stop), chart, signal);
}

export function chartRequest(application: Application, { values = [], ...capabilities }: Variant = {}): ChartRequest {
  const { name, namespace, source, helm = defaultHelm } = application;
  return {
    path: source.path,
    releaseName: helm.releaseName ?? name,
    namespace,
    valueFiles: helm.valueFiles,
    values: [helm.values, ...values],
    includeCRDs: helm.includeCRDs,
    skipTests: helm.skipTests,
    repositories: helm.repositories,
    capabilities,
  };
}

function exists({ entries }: SnapshotFiles, path: string): boolean {
  if (path === "") return true;
  for (const file of entries.keys()) if (file.startsWith(`${path}/`)) return true;
  return false;
}

function noFolder({ source, at }: Application): Problem {
  const hint = "if it was emptied on purpose, set sync.allowEmpty";
  const where = source.package === undefined ? `the repository ${source.repository}` : formatPackage(source.package);
  const message = `${where} has no folder ${source.path}`;
  return { code: "no-folder", severity: "error", message, at, hint };
}

function refuse(problem: Problem): Loaded {
  return { documents: [], problems: [problem] };
}
