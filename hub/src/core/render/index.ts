import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import { findKustomization } from "./kustomization.ts";
import { loadKustomize } from "./kustomize.ts";
import type { Loaded } from "./loaded.ts";
import { collectObjects } from "./objects.ts";
import { loadPlain } from "./plain.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

export interface RenderInput {
  readonly application: Application;
  readonly snapshot: SnapshotFiles;
  /** Builds the kustomization in a folder of the snapshot. */
  readonly kustomize: (path: string, signal: AbortSignal) => Promise<Uint8Array>;
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
  const loaded = await load(input, signal);
  const { manifests, problems } = collectObjects(loaded.documents, input.application.namespace);
  return { manifests, problems: [...loaded.problems, ...problems] };
}

function load({ application, snapshot, kustomize }: RenderInput, signal: AbortSignal): Promise<Loaded> | Loaded {
  const { path, exclude } = application.source;
  const plain = { folder: path, exclude, at: application.at };
  if (!exists(snapshot, path)) {
    return application.sync.allowEmpty ? { documents: [], problems: [] } : noFolder(application);
  }
  if (application.renderer === "plain") return loadPlain(snapshot, plain, signal);
  const kustomization = findKustomization(snapshot, path);
  if (kustomization !== undefined) return loadKustomize((stop) => kustomize(path, stop), kustomization, signal);
  if (application.renderer === "auto") return loadPlain(snapshot, plain, signal);
  const message = `there is no kustomization.yaml in ${path === "" ? "the root" : path}`;
  return refuse({ code: "no-kustomization", severity: "error", message, at: application.at });
}

function exists({ entries }: SnapshotFiles, path: string): boolean {
  if (path === "") return true;
  for (const file of entries.keys()) if (file.startsWith(`${path}/`)) return true;
  return false;
}

function noFolder({ source, at }: Application): Loaded {
  const hint = "if it was emptied on purpose, set sync.allowEmpty";
  const message = `the repository ${source.repository} has no folder ${source.path}`;
  return refuse({ code: "no-folder", severity: "error", message, at, hint });
}

function refuse(problem: Problem): Loaded {
  return { documents: [], problems: [problem] };
}
