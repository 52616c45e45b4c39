import { DroverError } from "@drover/shared/errors";
import { apiListOf, isApiName } from "@drover/shared/kube/api-list";

import { isKubeVersion, type Capabilities } from "../core/render/chart.ts";

/** What a person says of a cluster that nobody asks. Throws `usage`. */
export function readCapabilities(version: string | undefined, names: readonly string[] | undefined): Capabilities {
  const apis = names?.flatMap((text) => text.split(/[,\s]+/u)).filter((name) => name !== "");
  const wrong = apis?.find((name) => !isApiName(name));
  if (wrong !== undefined) {
    throw new DroverError("usage", `${JSON.stringify(wrong)} names no API`, {
      hint: "name them as kubectl api-versions does, or with a kind: apps/v1/Deployment",
    });
  }
  if (version !== undefined && !isKubeVersion(version)) {
    throw new DroverError("usage", `${JSON.stringify(version)} is no version of Kubernetes`, {
      hint: "such as v1.31.2",
    });
  }
  return {
    ...(version === undefined ? {} : { kubeVersion: version }),
    ...(apis === undefined ? {} : { apis: apiListOf(apis) }),
  };
}
