import { statusOfCode } from "@drover/shared/api/error-status";
import type { ProblemDetail } from "@drover/shared/api/types";
import { DroverError, type ErrorCode } from "@drover/shared/errors";
import type { FastifyError } from "fastify";

/** A request that does not fit its schema. Carries everything that is wrong with it. */
export class InvalidRequest extends Error {
  override readonly name = "InvalidRequest";
  readonly errors: NonNullable<ProblemDetail["errors"]>;

  constructor(errors: NonNullable<ProblemDetail["errors"]>) {
    super(errors.map(({ pointer, message }) => `${pointer}: ${message}`).join("; "));
    this.errors = errors;
  }
}

export interface ProblemReply {
  readonly problem: ProblemDetail;
  /** Somebody has to look into it: it is our fault, not the caller's. */
  readonly unexpected: boolean;
}

/** Turns whatever a request died of into what the caller gets. Foreign messages stay in the log. */
export function problemReply(cause: unknown, trace: string): ProblemReply {
  if (cause instanceof InvalidRequest) {
    const error = new DroverError("usage", `the request is not valid: ${cause.message}`, { hint: "see /openapi.json" });
    return { problem: { ...describe(error, trace), errors: cause.errors }, unexpected: false };
  }
  if (cause instanceof DroverError) {
    return { problem: describe(cause, trace), unexpected: cause.code === "internal" };
  }
  const refusal = frameworkRefusal(cause);
  if (refusal !== undefined) return { problem: describe(refusal, trace), unexpected: false };
  const error = new DroverError("internal", "the hub failed to answer", {
    hint: "the hub's log has the cause under this trace",
  });
  return { problem: describe(error, trace), unexpected: true };
}

/** What Fastify itself refuses before a route sees the request (its codes: fastify/docs/Reference/Errors.md). */
const frameworkRefusals: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["input_too_large", "the body is larger than the hub takes"],
  FST_ERR_CTP_EMPTY_JSON_BODY: ["usage", "the body is empty, JSON is expected"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ["usage", "the body is not as long as Content-Length says"],
  FST_ERR_CTP_INVALID_JSON_BODY: ["usage", "the body is not JSON"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["usage", "the body has to be application/json"],
  FST_ERR_BAD_URL: ["usage", "the address is not valid"],
  FST_ERR_MAX_PARAM_LENGTH: ["usage", "a name in the address is too long"],
};

function frameworkRefusal(cause: unknown): DroverError | undefined {
  if (!(cause instanceof Error)) return undefined;
  const refusal = frameworkRefusals[(cause as FastifyError).code];
  // A body that JSON.parse refuses, and one with a __proto__ key, arrive as SyntaxError.
  if (refusal === undefined) {
    return cause instanceof SyntaxError ? new DroverError("usage", "the body is not JSON", { cause }) : undefined;
  }
  return new DroverError(refusal[0], refusal[1], { cause });
}

function describe(error: DroverError, trace: string): ProblemDetail {
  return {
    type: `urn:drover:error:${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: statusOfCode[error.code],
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.at === undefined ? {} : { at: { ...error.at } }),
    trace,
  };
}
