import type { DroverError } from "@drover/shared/errors";

import type { Refusal, RefusalCause } from "./api.ts";

/** When trying the same again makes sense. */
export type RetryWhen =
  /** After a back-off of seconds: somebody or something is about to change it. */
  | "soon"
  /** After minutes: a person has to act first. */
  | "later"
  /** When the desired or the live object changes: the server will say the same until then. */
  | "changed"
  /** When the server gets the kind. */
  | "kind";

/** Why an object is not as desired: a stable reason and a sentence that quotes no value of the object. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
  readonly retry: RetryWhen;
  readonly retryAfterMs?: number;
  /** Fields whose value the server would not take; absent when it names none. */
  readonly fields?: readonly string[];
}

/** The error table: from what the server refused a write with, to what to do. By codes only. */
export function troubleOf(refusal: Refusal): Trouble {
  const { status, causes } = refusal;
  const say = (reason: string, retry: RetryWhen, message: string): Trouble => ({
    reason,
    retry,
    message,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
  });
  const details = describeCauses(causes);
  switch (status) {
    case 404:
      return refusal.about === "namespaces"
        ? say("WaitingForNamespace", "soon", "its namespace does not exist")
        : say("WaitingForKind", "kind", "the cluster does not have this kind");
    case 403:
      return causes.some((cause) => cause.reason === "NamespaceTerminating")
        ? say("NamespaceTerminating", "soon", "its namespace is being deleted")
        : say("Forbidden", "later", "the API server does not allow it");
    case 409:
      return say("Conflict", "soon", details || "somebody else wrote it at the same moment");
    case 413:
      return say("TooLarge", "changed", "the object is larger than the API server takes");
    case 400:
    case 415:
      return say("Invalid", "changed", details || describeSchemaFault(refusal.message) || "the server cannot read it");
    case 422:
      return { ...say("Invalid", "changed", details || "the server rejects it"), ...refusedFields(causes) };
    case 429:
      return say("TooManyRequests", "soon", "the API server asks to slow down");
    default:
      return say("ServerError", "soon", `the API server answered ${status}${suffix(refusal)}`);
  }
}

/** For a call that got no answer at all. */
export function troubleOfError(error: DroverError): Trouble {
  const { code, message } = error;
  if (code === "service_account_missing") return { reason: "ServiceAccountMissing", retry: "later", message };
  if (code === "forbidden") return { reason: "Forbidden", retry: "later", message };
  return { reason: code === "timeout" ? "Timeout" : "Unreachable", retry: "soon", message };
}

/**
 * Whether the server may have refused the object itself although it answered 500: up to Kubernetes 1.2x it answers so,
 * without any reason, when a field is unknown or of the wrong type (kubernetes#113482). So do other faults of a server;
 * only repetition tells them apart.
 */
export function maybeInvalid(refusal: Refusal): boolean {
  return refusal.status === 500 && refusal.reason === "Unknown";
}

/** Whether a list item was in the way, as when somebody edited the key of one that we own. */
export function duplicateFields(refusal: Refusal): readonly string[] {
  if (refusal.status !== 422) return [];
  return refusal.causes.filter((cause) => cause.reason === "FieldValueDuplicate").map((cause) => cause.field);
}

function refusedFields(causes: readonly RefusalCause[]): Pick<Trouble, "fields"> {
  const fields = causes.filter(({ reason }) => reason === "FieldValueInvalid").map(({ field }) => field);
  return fields.length === 0 ? {} : { fields: fields.slice(0, maxFields) };
}

const maxFields = 20;

function suffix(refusal: Refusal): string {
  const fault = describeSchemaFault(refusal.message);
  return fault === "" ? "" : `: ${fault}`;
}

function describeCauses(causes: readonly RefusalCause[]): string {
  const texts = causes.map((cause) => {
    const detail = safeDetail(cause.message);
    return [cause.field, detail === "" ? cause.reason : detail].filter((part) => part !== "").join(": ");
  });
  return [...new Set(texts)].slice(0, 5).join("; ");
}

/**
 * The part of a validation message after the value: `Invalid value: "x": must be …`. Values may be secrets (a Job's
 * message quotes its whole template, a webhook's whatever it likes), so only text passes that cannot be the end of a
 * quoted value and begins as the sentences of the API server's own validation do.
 */
function safeDetail(message: string): string {
  const detail = message.slice(message.lastIndexOf(": ") + 2).trim();
  const isSafe = message.includes(": ") && /^[a-z][a-z0-9 ,.'()/-]{0,200}$/iu.test(detail) && sentence.test(detail);
  return isSafe ? detail : "";
}

const sentence =
  /^(?:(?:must|may|should|can|cannot|can't|only|no|not|is|are|has|exceeds|duplicate|unknown|field|fields|updates|name|names|value|values|at (?:least|most)|an? (?:lowercase|valid|DNS|RFC|non)\S*|[\w.[\]-]+ in body) .+)$/iu;

/** `.spec.foo: field not declared in schema` without the values that the server may quote after it. */
function describeSchemaFault(message: string): string {
  return [...message.matchAll(schemaFault)]
    .slice(0, 5)
    .map(({ groups }) => `${groups?.["path"]?.replace(/^\./u, "") ?? ""}: ${groups?.["fault"] ?? ""}`)
    .join("; ");
}

const schemaFault =
  /(?:^|\s)(?<path>\.[\w.[\]=/-]+): (?<fault>field not declared in schema|expected \w+|element \d+: [a-z ]+ key field "\w+")/gu;
