import type { ErrorCode } from "../errors.ts";

/** The HTTP status of every code: the hub answers with it, and a client knows a code by its being in here. */
export const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  answer_lost: 409,
  api_unreachable: 502,
  apply_conflict: 409,
  apply_failed: 502,
  assignment_refused: 409,
  blob_corrupt: 500,
  blob_missing: 500,
  broker_weak: 409,
  canceled: 503,
  cluster_detached: 403,
  cluster_exists: 409,
  cluster_frozen: 409,
  cluster_offline: 503,
  cluster_locked: 403,
  cluster_revoked: 403,
  config_invalid: 422,
  digest_mismatch: 500,
  document_invalid: 422,
  forbidden: 403,
  host_key_changed: 409,
  hub_standby: 503,
  input_too_large: 413,
  internal: 500,
  issuer_unreachable: 502,
  join_pending: 409,
  join_refused: 403,
  key_reused: 422,
  kind_missing: 422,
  link_closed: 503,
  not_found: 404,
  patch_failed: 422,
  precondition_failed: 409,
  program_missing: 500,
  rate_limited: 429,
  render_failed: 422,
  service_account_missing: 409,
  signature_invalid: 403,
  source_auth: 422,
  source_missing: 422,
  source_ref_missing: 422,
  source_unreachable: 502,
  source_untrusted: 422,
  store_failed: 500,
  store_full: 503,
  store_key_missing: 500,
  timeout: 504,
  unauthorized: 401,
  usage: 400,
};

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(statusOfCode, code);
}

/** What an answer without a known code amounts to: a proxy's page, or a hub that is newer than its client. */
export function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 409:
    case 412:
      return "precondition_failed";
    case 413:
      return "input_too_large";
    case 429:
      return "rate_limited";
    case 502:
    case 503:
      return "api_unreachable";
    case 504:
      return "timeout";
    default:
      return status >= 500 ? "internal" : "usage";
  }
}
