import type { DroverError } from "@drover/shared/errors";

import type { Refusal, RefusalCause } from "./api.ts";
import {
  describeCauses,
  describeConflicts,
  describeSchemaFault,
  nameOfDenier,
  nameOfDeadWebhook,
  nameOfQuota,
} from "./trouble-text.ts";

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
  /** No try before that. */
  readonly retryAfterMs?: number;
  /** Fields whose value the server would not take; absent when it names none. */
  readonly fields?: readonly string[];
}

/**
 * The error table: from what the server refused a write with, to what to do. By codes; admission has none of its
 * own, so there the fixed parts of Kubernetes' texts decide.
 */
export function troubleOf(refusal: Refusal): Trouble {
  const trouble = denied(refusal) ?? byStatus(refusal);
  const { retryAfterMs } = refusal;
  return retryAfterMs === undefined ? trouble : { ...trouble, retryAfterMs };
}

/** Webhooks and policies refuse with whatever status they like. */
function denied({ status, message }: Refusal): Trouble | undefined {
  const denier = nameOfDenier(message);
  if (status >= 400 && denier !== "") return say("AdmissionDenied", "later", `${denier} does not allow it`);
  const webhook = nameOfDeadWebhook(message);
  if (status < 500 || webhook === "") return undefined;
  return say("WebhookUnreachable", "soon", `the admission webhook "${webhook}" does not answer`);
}

function byStatus(refusal: Refusal): Trouble {
  const { status, causes, message } = refusal;
  const details = describeCauses(causes);
  switch (status) {
    case 401:
      return say("Unauthorized", "soon", "the API server does not accept the agent's credentials");
    case 403:
      return forbidden(refusal);
    case 404:
      return notFound(refusal);
    case 405:
      return say("NotSupported", "changed", "the API server does not take server-side apply of this kind");
    case 409:
      return conflict(refusal);
    case 413:
      return say("TooLarge", "changed", "the object is larger than the API server takes");
    case 415:
      return say("NotSupported", "changed", "the API server does not take server-side apply");
    case 400:
      return say("Invalid", "changed", details || describeSchemaFault(message) || "the server cannot read it");
    case 422:
      return { ...say("Invalid", "changed", details || "the server rejects it"), ...refusedFields(causes) };
    case 429:
      return say("TooManyRequests", "soon", "the API server asks to slow down");
    case 504:
      return say("Timeout", "soon", "the API server did not finish in time; it may have done it");
    default:
      return serverError(refusal);
  }
}

/** Which right is missing, if one is, only `controllers/rights` finds out: the message may say nothing (case 64). */
function forbidden({ causes, message }: Refusal): Trouble {
  if (causes.some((cause) => cause.reason === "NamespaceTerminating")) {
    return say("NamespaceTerminating", "soon", "its namespace is being deleted");
  }
  const quota = nameOfQuota(message);
  if (quota !== "") return say("QuotaExceeded", "later", `the quota "${quota}" of its namespace is used up`);
  return say("Forbidden", "later", "the API server does not allow it");
}

/** Of the three that answer so, only the registry knows its namespaces; a router or a proxy only lacks a path. */
function notFound({ about, reason }: Refusal): Trouble {
  if (reason !== "" && about === "namespaces") {
    return say("WaitingForNamespace", "soon", "its namespace does not exist");
  }
  if (reason !== "" && about !== "") return say("NotFound", "soon", "the API server says that it is not there");
  return say("WaitingForKind", "kind", "the cluster does not have this kind");
}

function conflict({ causes, reason }: Refusal): Trouble {
  const owners = describeConflicts(causes);
  if (owners !== "") return say("FieldManagerConflict", "later", owners);
  const exists = reason === "AlreadyExists";
  const message = exists ? "somebody made it at the same moment" : "somebody else wrote it at the same moment";
  return say("Conflict", "soon", describeCauses(causes) || message);
}

function serverError({ status, reason, message }: Refusal): Trouble {
  if (status < 300) return say("ServerError", "soon", "what was answered is not an API server's answer");
  const fault = describeSchemaFault(message);
  // The server's own answers carry a Status; something in front of it has pages of its own.
  const who = reason === "" ? "something in front of the API server" : "the API server";
  return say("ServerError", "soon", `${who} answered ${status}${fault === "" ? "" : `: ${fault}`}`);
}

function say(reason: string, retry: RetryWhen, message: string): Trouble {
  return { reason, retry, message };
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
  return refusal.status === 500 && refusal.reason === "Unknown" && nameOfDeadWebhook(refusal.message) === "";
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
