/** One entry of `details.causes` of a Status. */
export type Cause = { readonly reason: string; readonly message: string; readonly field: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Partial<Cause>[];
  readonly retryAfterSeconds?: number;
};

type StatusFields = {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails | undefined;
};

/** A refusal as clients of Kubernetes know it: becomes an object of kind Status. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(fields: StatusFields) {
    super(fields.message);
    this.name = "StatusError";
    this.code = fields.code;
    this.reason = fields.reason;
    this.details = fields.details;
  }
}

/** A path that no resource answers to; a plain-text answer, which is how clients tell it from a missing object. */
export class UnknownPathError extends Error {}

/** Names a resource in messages: `deployments.apps`, or `pods` in the core group. */
export type ResourceName = { readonly group: string; readonly plural: string };
export type KindName = { readonly group: string; readonly kind: string };

const qualified = (name: string, group: string): string => (group === "" ? name : `${name}.${group}`);

const groupDetail = (group: string): { group?: string } => (group === "" ? {} : { group });

export function statusBody(error: StatusError): Record<string, unknown> {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    ...(error.reason === "" ? {} : { reason: error.reason }),
    ...(error.details === undefined ? {} : { details: error.details }),
    code: error.code,
  };
}

/** Without a name the refusal is about the collection. */
function forResource(fields: Omit<StatusFields, "details">, resource: ResourceName, name: string): StatusError {
  const named = name === "" ? {} : { name };
  return new StatusError({ ...fields, details: { ...named, ...groupDetail(resource.group), kind: resource.plural } });
}

export function notFound(resource: ResourceName, name: string): StatusError {
  const message = `${qualified(resource.plural, resource.group)} "${name}" not found`;
  return forResource({ code: 404, reason: "NotFound", message }, resource, name);
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  const message = `${qualified(resource.plural, resource.group)} "${name}" already exists`;
  return forResource({ code: 409, reason: "AlreadyExists", message }, resource, name);
}

/** As `alreadyExists`, when what exists is on its way out. */
export function beingDeleted(resource: ResourceName, name: string): StatusError {
  const { code, reason, details, message } = alreadyExists(resource, name);
  return new StatusError({ code, reason, details, message: `object is being deleted: ${message}` });
}

export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource.plural, resource.group)} "${name}": ${why}`;
  return forResource({ code: 409, reason: "Conflict", message }, resource, name);
}

export const staleVersion =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const what = qualified(resource.plural, resource.group) + (name === "" ? "" : ` "${name}"`);
  const message = `${what} is forbidden: ${why}`;
  return forResource({ code: 403, reason: "Forbidden", message }, resource, name);
}

export function namespaceTerminating(resource: ResourceName, name: string, namespace: string): StatusError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const refusal = forbidden(resource, name, why);
  const message = `namespace ${namespace} is being terminated`;
  const causes = [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }];
  return new StatusError({
    code: 403,
    reason: "Forbidden",
    message: refusal.message,
    details: { ...refusal.details, causes },
  });
}

export function invalid(kind: KindName, name: string, causes: readonly Cause[]): StatusError {
  const [first, ...others] = causes.map((cause) => (cause.field === "" ? "" : `${cause.field}: `) + cause.message);
  const what = others.length === 0 ? (first ?? "") : `[${[first, ...others].join(", ")}]`;
  return new StatusError({
    code: 422,
    reason: "Invalid",
    message: `${qualified(kind.kind, kind.group)} "${name}" is invalid: ${what}`,
    details: { name, ...groupDetail(kind.group), kind: kind.kind, causes },
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError({ code: 400, reason: "BadRequest", message });
}

export function unauthorized(): StatusError {
  return new StatusError({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

export function methodNotAllowed(): StatusError {
  const message = "the server does not allow this method on the requested resource";
  return new StatusError({ code: 405, reason: "MethodNotAllowed", message, details: {} });
}

export function notAcceptable(accepted: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${accepted.join(", ")}`;
  return new StatusError({ code: 406, reason: "NotAcceptable", message });
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new StatusError({ code: 415, reason: "UnsupportedMediaType", message });
}

export function tooLarge(limitBytes: number): StatusError {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return new StatusError({ code: 413, reason: "RequestEntityTooLarge", message, details: {} });
}

export function expired(message: string): StatusError {
  return new StatusError({ code: 410, reason: "Expired", message });
}

export function tooNew(requested: number, current: number): StatusError {
  const message = `Timeout: Too large resource version: ${requested}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "" }];
  return new StatusError({ code: 504, reason: "Timeout", message, details: { causes, retryAfterSeconds: 1 } });
}

/** What Go answers for an error that carries no status of its own. */
export function internalError(message: string): StatusError {
  return new StatusError({ code: 500, reason: "", message });
}

/** The refusal of a server-side apply without force; each cause's message reads `conflict with "manager" using v1`. */
export function applyConflict(causes: readonly { readonly field: string; readonly message: string }[]): StatusError {
  return new StatusError({
    code: 409,
    reason: "Conflict",
    message: applyConflictMessage(causes),
    details: { causes: causes.map((cause) => ({ reason: "FieldManagerConflict", ...cause })) },
  });
}

function applyConflictMessage(causes: readonly { readonly field: string; readonly message: string }[]): string {
  const [first] = causes;
  if (first !== undefined && causes.length === 1) {
    return `Apply failed with 1 conflict: ${first.message}: ${first.field}`;
  }
  const byManager = Object.groupBy(causes, (cause) => cause.message);
  const blocks = Object.keys(byManager)
    .sort()
    .map((message) => {
      const fields = (byManager[message] ?? []).map((cause) => `- ${cause.field}`);
      return [`${message.replace(/^conflict with/u, "conflicts with")}:`, ...fields].join("\n");
    });
  return `Apply failed with ${causes.length} conflicts: ${blocks.join("\n")}`;
}
