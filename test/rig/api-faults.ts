/** What a fault proxy does with a call instead of passing it on as it is. */
export type Fault =
  /** Answers in the server's place, which never hears of the call. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Nothing comes back. `delivered`: the server has done what was asked, and its answer is lost. */
  | { readonly kind: "silence"; readonly delivered: boolean }
  /** The connection breaks in the middle of the server's answer. */
  | { readonly kind: "reset" }
  /** The server's answer, but for its body; a watch gets one event, changed so, and ends. */
  | { readonly kind: "change"; readonly change: (body: string) => string }
  /** A watch opens, and its first event is an error; to another call this is an answer with that status. */
  | { readonly kind: "event"; readonly status: number; readonly reason: string };

interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly about?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal as an API server words it. */
export function refusal({ status, reason, message, about, causes, retryAfterSeconds }: Refusal): Fault {
  const details = {
    ...(about === undefined ? {} : { kind: about }),
    ...(causes === undefined ? {} : { causes }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    details,
    code: status,
  };
  const headers = retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(retryAfterSeconds) } };
  return { kind: "answer", status, body: JSON.stringify(body), contentType: "application/json", ...headers };
}

/** What something in front of an API server answers: a load balancer's page, or the router's plain text. */
export function page(status: number, body = `<html><body><h1>${status}</h1></body></html>`): Fault {
  const contentType = body.startsWith("<") ? "text/html" : "text/plain; charset=utf-8";
  return { kind: "answer", status, body, contentType };
}

const soon = (): string => new Date(Date.now() + 1_000).toUTCString();

/** The answers of a server in trouble, by name. */
export const faults = {
  "409 field manager conflict": () =>
    refusal({
      status: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a',
      causes: [{ reason: "FieldManagerConflict", message: 'conflict with "kubectl-edit" using v1', field: ".data.a" }],
    }),
  "409 already exists": () =>
    refusal({ status: 409, reason: "AlreadyExists", message: 'configmaps "x" already exists', about: "configmaps" }),
  "409 uid precondition": () =>
    refusal({
      status: 409,
      reason: "Conflict",
      message: "Precondition failed: UID in precondition: 1, UID in object meta: 2",
    }),
  "409 resource version": () =>
    refusal({ status: 409, reason: "Conflict", message: "the object has been modified; please apply your changes" }),
  "410 gone": () => refusal({ status: 410, reason: "Expired", message: "too old resource version: 1 (100)" }),
  "410 inside a watch": (): Fault => ({ kind: "event", status: 410, reason: "Expired" }),
  "500 inside a watch": (): Fault => ({ kind: "event", status: 500, reason: "InternalError" }),
  "422 invalid": () =>
    refusal({
      status: 422,
      reason: "Invalid",
      message: 'ConfigMap "x" is invalid: data: Invalid value: "hunter2": must be something else',
      causes: [
        { reason: "FieldValueInvalid", message: 'Invalid value: "hunter2": must be something else', field: "data" },
      ],
    }),
  "403 forbidden": () => refusal({ status: 403, reason: "Forbidden", message: 'configmaps "x" is forbidden' }),
  "403 namespace terminating": () =>
    refusal({
      status: 403,
      reason: "Forbidden",
      message: "unable to create new content in namespace default because it is being terminated",
      causes: [
        { reason: "NamespaceTerminating", message: "namespace is being terminated", field: "metadata.namespace" },
      ],
    }),
  "403 quota": () =>
    refusal({
      status: 403,
      reason: "Forbidden",
      message: 'configmaps "x" is forbidden: exceeded quota: small, requested: count/configmaps=1, used: 1, limited: 1',
    }),
  "404 router": () => page(404, "404 page not found\n"),
  "404 registry": () =>
    refusal({ status: 404, reason: "NotFound", message: 'configmaps "x" not found', about: "configmaps" }),
  "413 too large": () =>
    refusal({ status: 413, reason: "RequestEntityTooLarge", message: "Request entity too large: limit is 3145728" }),
  "415 media type": () =>
    refusal({
      status: 415,
      reason: "UnsupportedMediaType",
      message: "the body of the request was in an unknown format",
    }),
  "400 bad request": () =>
    refusal({ status: 400, reason: "BadRequest", message: "the object provided is unrecognized" }),
  "429 in seconds": () =>
    refusal({ status: 429, reason: "TooManyRequests", message: "too many requests", retryAfterSeconds: 1 }),
  "429 as a date": (): Fault => ({
    kind: "answer",
    status: 429,
    body: "Too many requests, please try again later.\n",
    contentType: "text/plain",
    headers: { date: new Date().toUTCString(), "retry-after": soon() },
  }),
  "500 with a status": () => refusal({ status: 500, reason: "InternalError", message: "etcdserver: leader changed" }),
  "500 typed patch": () =>
    refusal({
      status: 500,
      reason: "",
      message: "failed to create typed patch object: .spec.foo: field not declared in schema",
    }),
  "500 without a status": () => page(500, "internal error\n"),
  "502 page": () => page(502),
  "503 page": () => page(503),
  "504 page": () => page(504),
  "504 from the server": () =>
    refusal({ status: 504, reason: "Timeout", message: "Timeout: request did not complete within requested timeout" }),
  "401 unauthorized": () => refusal({ status: 401, reason: "Unauthorized", message: "Unauthorized" }),
  "webhook denial": () =>
    refusal({
      status: 403,
      reason: "Forbidden",
      message: 'admission webhook "policy.example.com" denied the request: hunter2 is not allowed',
    }),
  "webhook unreachable": () =>
    refusal({
      status: 500,
      reason: "InternalError",
      message:
        'Internal error occurred: failed calling webhook "policy.example.com": Post "https://policy.ops.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused',
    }),
  "webhook timeout": () =>
    refusal({
      status: 500,
      reason: "InternalError",
      message: 'Internal error occurred: failed calling webhook "policy.example.com": context deadline exceeded',
    }),
  "timeout before delivery": (): Fault => ({ kind: "silence", delivered: false }),
  "timeout after delivery": (): Fault => ({ kind: "silence", delivered: true }),
  "connection reset": (): Fault => ({ kind: "reset" }),
  "truncated JSON": (): Fault => ({ kind: "change", change: (body) => body.slice(0, Math.ceil(body.length / 2)) }),
  "login page with 200": () => page(200, "<html><body>please log in</body></html>"),
  "empty JSON with 200": (): Fault => ({ kind: "answer", status: 200, body: "{}", contentType: "application/json" }),
} as const satisfies Readonly<Record<string, () => Fault>>;

export type FaultName = keyof typeof faults;

/** A list without its items, as of a server whose cache was not filled. */
export const emptyList: Fault = {
  kind: "change",
  change: (body) => JSON.stringify({ ...(JSON.parse(body) as object), items: [] }),
};

/** The list of another time. */
export function staleList(body: string): Fault {
  return { kind: "answer", status: 200, body, contentType: "application/json" };
}
