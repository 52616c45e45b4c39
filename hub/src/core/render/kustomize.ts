import { decodeYaml, defaultDecodeLimits } from "@drover/shared/decode";
import { DroverError, type Position } from "@drover/shared/errors";

import { maxOutputBytes } from "./limits.ts";
import type { Loaded } from "./loaded.ts";

/** Output is one file, so it gets the room of a whole application. */
const outputLimits = { ...defaultDecodeLimits, maxBytes: maxOutputBytes, maxNodes: 2_000_000 };

/** What kustomize printed; every object is said to be at the kustomization, because the output knows no other place. */
export async function loadKustomize(
  build: (signal: AbortSignal) => Promise<Uint8Array>,
  kustomization: string,
  signal: AbortSignal,
): Promise<Loaded> {
  const at: Position = { file: kustomization, line: 1, column: 1 };
  try {
    const { documents, problems } = decodeYaml(kustomization, await build(signal), outputLimits);
    return {
      documents: documents.map(({ value }) => ({ value, positionOf: () => at })),
      problems: problems.map((problem) => ({ ...problem, at })),
    };
  } catch (cause) {
    const error = DroverError.from(cause);
    // Only what the repository is to blame for; a missing program or a lack of time is no fault of the revision.
    const ours =
      error.code === "render_failed" || error.code === "input_too_large" || error.code === "document_invalid";
    if (!ours) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    const problem = { code: "kustomize-failed", message: error.message, at: error.at ?? at, ...hint };
    return { documents: [], problems: [{ ...problem, severity: "error" }] };
  }
}
