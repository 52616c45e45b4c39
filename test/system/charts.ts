import type { FileChanges } from "../rig/git.ts";
import type { ChartCase } from "./chart-case.ts";
import { nested } from "./charts-nested.ts";
import { templates } from "./charts-templates.ts";
import { values } from "./charts-values.ts";

/** By their claims, which are also the names of their folders. */
export const charts: Readonly<Record<string, ChartCase>> = { ...values, ...nested, ...templates };

/** Beside the charts, for those that read it. */
export const sharedFiles: FileChanges = {
  "shared/values.yaml": "map: { b: shared, a: shared }\n",
  "shared/values-2.yaml": "map: { c: shared-2 }\n",
};
