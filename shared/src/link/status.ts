import { Metadata, status as Status, type ServiceError, type StatusObject } from "@grpc/grpc-js";

import { DroverError, type ErrorCode } from "../errors.ts";

/** Codes that cross the link, and the gRPC status that programs which do not know Drover see. */
const statusOf = {
  blob_missing: Status.NOT_FOUND,
  canceled: Status.CANCELLED,
  cluster_detached: Status.UNAUTHENTICATED,
  cluster_exists: Status.ALREADY_EXISTS,
  cluster_locked: Status.UNAUTHENTICATED,
  cluster_revoked: Status.UNAUTHENTICATED,
  document_invalid: Status.INVALID_ARGUMENT,
  forbidden: Status.PERMISSION_DENIED,
  input_too_large: Status.RESOURCE_EXHAUSTED,
  internal: Status.INTERNAL,
  join_pending: Status.UNAVAILABLE,
  join_refused: Status.PERMISSION_DENIED,
  link_closed: Status.UNAVAILABLE,
  not_found: Status.NOT_FOUND,
  precondition_failed: Status.FAILED_PRECONDITION,
  store_failed: Status.UNAVAILABLE,
  timeout: Status.DEADLINE_EXCEEDED,
  unauthorized: Status.UNAUTHENTICATED,
} as const satisfies Partial<Record<ErrorCode, Status>>;

type LinkCode = keyof typeof statusOf;

/** For a status that carries no code of ours: what the transport, or the other end's gRPC library, made of it. */
const codeOf: Partial<Record<Status, ErrorCode>> = {
  [Status.DEADLINE_EXCEEDED]: "timeout",
  [Status.INTERNAL]: "internal",
  [Status.PERMISSION_DENIED]: "forbidden",
  [Status.RESOURCE_EXHAUSTED]: "input_too_large",
  [Status.UNAUTHENTICATED]: "unauthorized",
};

const header = "drover-code";

/** What a server answers. An error that was not meant for the other side goes out without its message. */
export function toStatus(reason: unknown): StatusObject {
  const error = DroverError.from(reason);
  const metadata = new Metadata();
  if (!isLinkCode(error.code) || error.code === "internal") {
    metadata.set(header, "internal");
    return { code: Status.INTERNAL, details: "internal error", metadata };
  }
  metadata.set(header, error.code);
  return { code: statusOf[error.code], details: error.message, metadata };
}

/** What a client makes of an answer. Everything that only says "not now" becomes `link_closed`. */
export function fromStatus(reason: unknown): DroverError {
  if (!isServiceError(reason)) return DroverError.from(reason, "link_closed");
  const sent = reason.metadata.get(header)[0];
  const code = typeof sent === "string" && isLinkCode(sent) ? sent : (codeOf[reason.code] ?? "link_closed");
  return new DroverError(code, reason.details, { cause: reason });
}

function isLinkCode(code: string): code is LinkCode {
  return Object.hasOwn(statusOf, code);
}

function isServiceError(reason: unknown): reason is ServiceError {
  return reason instanceof Error && "code" in reason && "details" in reason && "metadata" in reason;
}
