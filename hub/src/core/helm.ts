import type { Position } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";

import { readChartRepositories, type ChartRepository } from "./chart-repositories.ts";
import type { Fields } from "./fields.ts";
import { joinPath } from "./repository-path.ts";

/** How the chart in an application's folder is rendered: `spec.helm`. */
export interface HelmOptions {
  /** Default: the application's name. */
  readonly releaseName?: string;
  /** From weak to strong, all stronger than the chart's own. */
  readonly valueFiles: readonly ValueFile[];
  /** Stronger than every file. */
  readonly values: JsonRecord;
  readonly includeCRDs: boolean;
  readonly skipTests: boolean;
  /** Where dependencies that are not in the repository may be fetched from. */
  readonly repositories: readonly ChartRepository[];
}

export interface ValueFile {
  /** From the root of the repository. */
  readonly path: string;
  /** Where the application names it. */
  readonly at: Position;
}

/** Helm keeps the name of a release in names of its own and leaves them room. */
export const maxReleaseName = 53;

const releaseNameRule = {
  pattern: /^(?=.{1,53}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u,
  rule: `up to ${maxReleaseName} lower-case letters, digits, dashes and dots`,
};

export const defaultHelm: HelmOptions = {
  valueFiles: [],
  values: {},
  includeCRDs: true,
  skipTests: false,
  repositories: [],
};

/** `chart` is the folder of the chart, which value files are named from. */
export function readHelm(fields: Fields | undefined, chart: string): HelmOptions | undefined {
  if (fields === undefined) return undefined;
  const releaseName = fields.text("releaseName", releaseNameRule);
  // Noted as no map by `map`; its keys belong to the chart.
  fields.map("values");
  const values = fields.value("values");
  const options: HelmOptions = {
    ...(releaseName === undefined ? {} : { releaseName }),
    valueFiles: readValueFiles(fields, chart),
    values: isRecord(values) ? values : {},
    includeCRDs: fields.flag("includeCRDs", defaultHelm.includeCRDs),
    skipTests: fields.flag("skipTests", defaultHelm.skipTests),
    repositories: readChartRepositories(fields),
  };
  fields.finish();
  return options;
}

/** As in Argo CD: from the chart's folder, and from the root of the repository when the path begins with `/`. */
function readValueFiles(fields: Fields, chart: string): readonly ValueFile[] {
  const files: ValueFile[] = [];
  for (const [index, text] of fields.list("valueFiles").entries()) {
    const path = typeof text === "string" ? joinPath(text.startsWith("/") ? "" : chart, text) : undefined;
    if (typeof text !== "string") fields.note(["valueFiles", index], "has to be text");
    else if (/^[a-z][-+.a-z0-9]*:\/\//iu.test(text)) {
      fields.note(["valueFiles", index], "has to be a file of the repository", "copy it into the repository");
    } else if (path === undefined) fields.note(["valueFiles", index], "leads out of the repository");
    else files.push({ path, at: fields.placeOf("valueFiles", index) });
  }
  return files;
}
