/** Every code that Drover puts on an error. Codes are stable: people script on them, texts may change. */
export type ErrorCode =
  | "answer_lost"
  | "api_unreachable"
  | "apply_conflict"
  | "apply_failed"
  | "assignment_refused"
  | "blob_corrupt"
  | "blob_missing"
  | "broker_weak"
  | "canceled"
  | "cluster_detached"
  | "cluster_exists"
  | "cluster_frozen"
  | "cluster_offline"
  | "cluster_locked"
  | "cluster_revoked"
  | "config_invalid"
  | "digest_mismatch"
  | "document_invalid"
  | "forbidden"
  | "host_key_changed"
  | "hub_standby"
  | "input_too_large"
  | "internal"
  | "issuer_unreachable"
  | "join_pending"
  | "join_refused"
  | "key_reused"
  | "kind_missing"
  | "link_closed"
  | "not_found"
  | "patch_failed"
  | "precondition_failed"
  | "program_missing"
  | "rate_limited"
  | "render_failed"
  | "service_account_missing"
  | "signature_invalid"
  | "source_auth"
  | "source_missing"
  | "source_ref_missing"
  | "source_unreachable"
  | "source_untrusted"
  | "store_failed"
  | "store_full"
  | "store_key_missing"
  | "timeout"
  | "unauthorized"
  | "usage";

/** Where in a repository something was written. Line and column count from 1; the file is relative to the repository. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface DroverErrorOptions {
  /** What to do about it, in one sentence or one command. */
  readonly hint?: string;
  readonly at?: Position;
  /** Id of the hub's request that failed: finds the line in the hub's log. */
  readonly trace?: string;
  readonly cause?: unknown;
}

/** A thing that could not be done. Expected outcomes are values, not errors. */
export class DroverError extends Error {
  override readonly name = "DroverError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly at: Position | undefined;
  readonly trace: string | undefined;

  constructor(code: ErrorCode, message: string, options: DroverErrorOptions = {}) {
    super(redactCredentials(message), options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.at = options.at;
    this.trace = options.trace;
  }

  /** Turns whatever was thrown into a DroverError; the only place where foreign errors become ours. */
  static from(reason: unknown, code: ErrorCode = "internal"): DroverError {
    if (reason instanceof DroverError) return reason;
    if (reason instanceof Error && reason.name === "AbortError") {
      return new DroverError("canceled", "canceled", { cause: reason });
    }
    return new DroverError(code, reason instanceof Error ? reason.message : String(reason), { cause: reason });
  }
}

const terminalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "assignment_refused",
  "cluster_detached",
  "cluster_frozen",
  "cluster_locked",
  "cluster_revoked",
  "config_invalid",
  "document_invalid",
  "forbidden",
  "input_too_large",
  "join_refused",
  "patch_failed",
  "precondition_failed",
  "program_missing",
  "render_failed",
  "signature_invalid",
  "store_key_missing",
  "unauthorized",
  "usage",
]);

/** Whether trying the same again may succeed without anybody changing anything. */
export function retryable(code: ErrorCode): boolean {
  return !terminalCodes.has(code);
}

/** `file:line:column`, the form that editors and terminals turn into a link. */
export function formatPosition(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/** Takes user names, passwords and tokens out of every URL in a text. In linear time: a scheme has a bounded length. */
export function redactCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/"']+@/giu, "$1***@");
}
