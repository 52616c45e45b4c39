import type { JsonRecord } from "@drover/shared/json";
import type { ApiList } from "@drover/shared/kube/api-list";
import type { Problem } from "@drover/shared/problems";

import type { ChartRepository } from "../chart-repositories.ts";
import type { ValueFile } from "../helm.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

/** What a chart may be told about the cluster that it is for; Helm has its own idea of one where it is told nothing. */
export interface Capabilities {
  /** `v1.30.2` */
  readonly kubeVersion?: string;
  readonly apis?: ApiList;
}

/** Whether Helm takes it for a version. */
export function isKubeVersion(text: string): boolean {
  return /^v?\d+(?:\.\d+){1,2}(?:[-+][-+.0-9A-Za-z]*)?$/u.test(text);
}

/** One render of a chart. */
export interface ChartRequest {
  /** The folder of the chart. */
  readonly path: string;
  readonly releaseName: string;
  readonly namespace: string;
  readonly valueFiles: readonly ValueFile[];
  /** From weak to strong, all stronger than the files. */
  readonly values: readonly JsonRecord[];
  readonly includeCRDs: boolean;
  readonly skipTests: boolean;
  /** Where dependencies that are not in the repository may be fetched from. */
  readonly repositories: readonly ChartRepository[];
  readonly capabilities: Capabilities;
}

export interface ChartOutput {
  /** What Helm printed; a second time where chance may have a part in it. Nothing when it could not. */
  readonly printed: readonly Uint8Array[];
  readonly problems: readonly Problem[];
  /** The repository's path of what Helm calls `chart/templates/x.yaml`. */
  readonly fileOf: (name: string) => string;
}

/** The path of the chart in a folder. */
export function findChart({ entries }: SnapshotFiles, folder: string): string | undefined {
  const path = folder === "" ? "Chart.yaml" : `${folder}/Chart.yaml`;
  return entries.has(path) ? path : undefined;
}
