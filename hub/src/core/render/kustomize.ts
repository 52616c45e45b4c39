import { decodeYaml } from "@drover/shared/decode";
import type { Position } from "@drover/shared/errors";

import { printedLimits } from "./limits.ts";
import type { Loaded } from "./loaded.ts";
import { revisionFault } from "./revision-fault.ts";

/** What kustomize printed; every object is said to be at the kustomization, because the output knows no other place. */
export async function loadKustomize(
  build: (signal: AbortSignal) => Promise<Uint8Array>,
  kustomization: string,
  signal: AbortSignal,
): Promise<Loaded> {
  const at: Position = { file: kustomization, line: 1, column: 1 };
  try {
    const { documents, problems } = decodeYaml(kustomization, await build(signal), printedLimits);
    return {
      documents: documents.map(({ value }) => ({ value, positionOf: () => at })),
      problems: problems.map((problem) => ({ ...problem, at })),
    };
  } catch (cause) {
    return { documents: [], problems: [revisionFault(cause, "kustomize-failed", at)] };
  }
}
