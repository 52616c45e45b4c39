import { DroverError, type Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

/** Whether a repository is to blame, and not a program, the network or the hub's own disk. */
export function isRevisionFault(cause: unknown): boolean {
  return ["render_failed", "input_too_large", "document_invalid"].includes(DroverError.from(cause).code);
}

/** What a repository is to blame for, as a problem of it; a missing program or a lack of time is no fault of a revision. */
export function revisionFault(cause: unknown, code: string, otherwise: Position): Problem {
  const error = DroverError.from(cause);
  if (!isRevisionFault(error)) throw error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { code, severity: "error", message: error.message, at: error.at ?? otherwise, ...hint };
}
