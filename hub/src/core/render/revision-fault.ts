import { DroverError, type Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

/** What a repository is to blame for, as a problem of it; a missing program or a lack of time is no fault of a revision. */
export function revisionFault(cause: unknown, code: string, otherwise: Position): Problem {
  const error = DroverError.from(cause);
  const ours = error.code === "render_failed" || error.code === "input_too_large" || error.code === "document_invalid";
  if (!ours) throw error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { code, severity: "error", message: error.message, at: error.at ?? otherwise, ...hint };
}
