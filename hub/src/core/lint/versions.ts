import type { Problem } from "@drover/shared/problems";

import { formatChoice, formatPackage, isPinned } from "../package.ts";
import type { Project } from "./index.ts";

/** Charts and artifacts that change without a commit: nobody reviews what rolls out. */
export function lintVersions({ applications }: Pick<Project, "applications">): readonly Problem[] {
  return applications.flatMap(({ name, source, at }) => {
    if (source.package === undefined || isPinned(source.package)) return [];
    const message = `${name}: ${formatPackage(source.package)} is another tomorrow: ${formatChoice(source.package)} is no version that stays`;
    const hint = "name one version, or a digest where it is in an OCI registry";
    return [{ code: "package-unpinned", severity: "warning", message, at, hint }];
  });
}
