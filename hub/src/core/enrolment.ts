import type { ErrorCode } from "@drover/shared/errors";

/** Which certificates speak for a cluster. Outlives the cluster's registration: old ones must not speak for a new one. */
export interface Enrolment {
  readonly cluster: string;
  readonly state: "accepted" | "revoked";
  /** Why it is not accepted, in one sentence; "" when it is. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Of the newest certificate: each counts up. */
  readonly generation: number;
  /** Of the oldest certificate that still holds. */
  readonly oldest: number;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Of a cluster that has no certificate yet, or only of hubs that did not count them. */
export function firstEnrolment(cluster: string, now: number): Enrolment {
  return { cluster, state: "accepted", reason: "", sinceMs: now, generation: 0, oldest: 0 };
}

/** Why a certificate of this generation does not speak for the cluster; undefined when it does. */
export function refusalOf(enrolment: Enrolment, generation: number): Refusal | undefined {
  const { cluster, state, reason, oldest } = enrolment;
  if (state === "revoked") return revokedRefusal(cluster, reason);
  if (generation >= oldest) return undefined;
  return {
    code: "unauthorized",
    message: `a newer certificate of cluster ${cluster} has replaced this one`,
    hint: `drover join ${cluster}`,
  };
}

function revokedRefusal(cluster: string, reason: string): Refusal {
  return {
    code: "cluster_revoked",
    message: `cluster ${cluster} was revoked: ${reason}`,
    hint: `let it in again with a new token: drover join ${cluster}`,
  };
}

/** The next certificate is made. The one before it holds until this one is used: its answer may get lost. */
export function issued(enrolment: Enrolment, now: number): Enrolment {
  return { ...enrolment, sinceMs: now, generation: enrolment.generation + 1 };
}

/** A certificate was used. One that is newer than the record is of after the backup that the record comes from. */
export function used(enrolment: Enrolment, generation: number, now: number): Enrolment {
  if (generation <= enrolment.oldest) return enrolment;
  const newest = Math.max(enrolment.generation, generation);
  return { ...enrolment, sinceMs: now, generation: newest, oldest: generation };
}

/** Nothing that was issued so far holds any more. */
export function cutOff(enrolment: Enrolment, now: number): Enrolment {
  return { ...enrolment, sinceMs: now, oldest: enrolment.generation + 1 };
}

export function revoked(enrolment: Enrolment, reason: string, now: number): Enrolment {
  return { ...cutOff(enrolment, now), state: "revoked", reason };
}

/** A token was shown for it: the certificate that is made now holds, and no other. */
export function joined(enrolment: Enrolment, now: number): Enrolment {
  return { ...issued(cutOff(enrolment, now), now), state: "accepted", reason: "" };
}
