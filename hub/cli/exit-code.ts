import type { ErrorCode } from "@drover/shared/errors";

/** One table for all commands. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notReached: 3,
  auth: 4,
  notFound: 5,
  conflict: 6,
  unreachable: 7,
  /** Only with --exit-code. */
  changes: 10,
  interrupted: 130,
} as const;

export function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case "usage":
    case "config_invalid":
      return exitCodes.usage;
    case "timeout":
      return exitCodes.notReached;
    case "unauthorized":
    case "forbidden":
    case "rate_limited":
      return exitCodes.auth;
    case "not_found":
      return exitCodes.notFound;
    case "answer_lost":
    case "apply_conflict":
    case "cluster_exists":
    case "precondition_failed":
      return exitCodes.conflict;
    case "api_unreachable":
    case "issuer_unreachable":
      return exitCodes.unreachable;
    case "canceled":
      return exitCodes.interrupted;
    default:
      return exitCodes.failure;
  }
}
