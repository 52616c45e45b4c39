import type { ErrorCode } from "@drover/shared/errors";

/** Which certificates speak for a cluster. Outlives the cluster's registration: old ones must not speak for a new one. */
export interface Enrolment {
  readonly cluster: string;
  /**
   * `locked`: two agents had this identity; only the one that was connected goes on. `detached`: the cluster was removed,
   * and its agent may not know yet.
   */
  readonly state: "accepted" | "revoked" | "locked" | "detached";
  /** Why it is not accepted, in one sentence; "" when it is. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Enrolment key of its agent, base64url; "" of agents that have none. */
  readonly key: string;
  /** Of the newest certificate: each counts up. */
  readonly generation: number;
  /** Of the oldest certificate that still holds. */
  readonly oldest: number;
  /** Of the first certificate since a join or a decision of a person ended all that were before. */
  readonly first: number;
  /** How often the key brought a certificate back since a person had a look. */
  readonly recoveries: number;
  /** While locked: the run of the agent that goes on. */
  readonly holder: string;
  /** Who showed a token and waits for a person. */
  readonly candidate?: Candidate;
  /** Generation of the certificate that a person wants replaced at once; absent = none, or it has been. */
  readonly rotating?: number;
}

export interface Candidate {
  readonly uid: string;
  readonly key: string;
  /** Its join token, by id. */
  readonly token: string;
  readonly sinceMs: number;
  /** Why a person has to decide, in one sentence. */
  readonly reason: string;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

export const recoveryLimit = 3;
/** How long a candidate waits for a person. */
export const candidateLifetimeMs = 24 * 3_600_000;

/** Of a cluster that has no certificate yet, or only of hubs that did not count them. */
export function firstEnrolment(cluster: string, sinceMs: number): Enrolment {
  const numbers = { generation: 0, oldest: 0, first: 0, recoveries: 0 };
  return { cluster, state: "accepted", reason: "", sinceMs, key: "", holder: "", ...numbers };
}

/**
 * Why a certificate of this generation does not speak for the cluster; undefined when it does. `run` is the run of the
 * agent that shows it, "" as long as it has not said.
 */
export function refusalOf(enrolment: Enrolment, generation: number, run = ""): Refusal | undefined {
  const { cluster, state, reason, oldest, holder } = enrolment;
  if (state === "revoked") {
    const hint = `let it in again with: drover cluster accept ${cluster}`;
    return { code: "cluster_revoked", message: `cluster ${cluster} was revoked: ${reason}`, hint };
  }
  if (state === "detached") {
    const message = `cluster ${cluster} was removed from this hub; what runs there stays`;
    return { code: "cluster_detached", message, hint: `drover join ${cluster}` };
  }
  if (state === "locked" && (generation < oldest || (run !== "" && run !== holder))) return lockedRefusal(enrolment);
  if (generation >= oldest) return undefined;
  if (generation === enrolment.rotating) {
    const message = `the certificate of cluster ${cluster} is to be replaced`;
    return { code: "unauthorized", message, hint: "its agent fetches another one by itself" };
  }
  const message = `a newer certificate of cluster ${cluster} has replaced this one`;
  return { code: "unauthorized", message, hint: `drover join ${cluster}` };
}

function lockedRefusal({ cluster, reason }: Enrolment): Refusal {
  return {
    code: "cluster_locked",
    message: `cluster ${cluster} is locked: ${reason}`,
    hint: `stop the other agent, then: drover cluster accept ${cluster}`,
  };
}

/** Whether this certificate is of before the last renewal, and none that a person or a join has ended. */
export function isOutrun({ oldest, first, rotating }: Enrolment, generation: number): boolean {
  return generation >= first && generation < oldest && generation !== rotating;
}

/**
 * Why a certificate that ended or was replaced is not traded for a new one; undefined when it is. `key` is the enrolment
 * key that was proven, "" when none was.
 */
export function recoveryRefusalOf(enrolment: Enrolment, generation: number, key: string): Refusal | undefined {
  const { cluster, state, recoveries } = enrolment;
  if (state === "locked") return lockedRefusal(enrolment);
  if (state !== "accepted") return refusalOf(enrolment, generation);
  if (enrolment.key === "" ? generation < enrolment.oldest : key !== enrolment.key) {
    const message = `this is not the agent that has joined as cluster ${cluster}`;
    return { code: "unauthorized", message, hint: `drover join ${cluster}` };
  }
  if (recoveries < recoveryLimit || generation === enrolment.rotating) return undefined;
  const message = `cluster ${cluster} came back without a valid certificate ${recoveries} times`;
  return { code: "unauthorized", message, hint: `let it in again with: drover cluster accept ${cluster}` };
}

/** The next certificate is made. The one before it holds until this one is used: its answer may get lost. */
export function issued(enrolment: Enrolment, now: number): Enrolment {
  return { ...enrolment, sinceMs: now, generation: enrolment.generation + 1 };
}

/** The same for one that has ended or was replaced. It counts, unless a person has asked for it. */
export function recovered(enrolment: Enrolment, generation: number, now: number): Enrolment {
  const counted = generation === enrolment.rotating ? 0 : 1;
  return { ...issued(enrolment, now), recoveries: enrolment.recoveries + counted };
}

/** A person wants another certificate at once: the newest one holds for nothing any more but to get it, with the enrolment key. */
export function rotated(enrolment: Enrolment, now: number): Enrolment {
  const { generation } = enrolment;
  return { ...enrolment, sinceMs: now, oldest: generation + 1, rotating: generation };
}

/** A certificate was used. One that is newer than the record is of after the backup that the record comes from. */
export function used(enrolment: Enrolment, generation: number, now: number): Enrolment {
  if (generation <= enrolment.oldest) return enrolment;
  const { rotating: _, ...rest } = enrolment;
  const newest = Math.max(enrolment.generation, generation);
  return { ...rest, sinceMs: now, generation: newest, oldest: generation };
}

/** Nothing that was issued so far holds any more. */
function cutOff(enrolment: Enrolment, now: number): Enrolment {
  const { rotating: _, ...rest } = enrolment;
  const next = enrolment.generation + 1;
  return { ...rest, sinceMs: now, oldest: next, first: next };
}

export function revoked(enrolment: Enrolment, reason: string, now: number): Enrolment {
  return { ...cutOff(enrolment, now), state: "revoked", reason };
}

/** The cluster is removed: nothing that spoke for it speaks for the next one of its name. */
export function detached(enrolment: Enrolment, now: number): Enrolment {
  const { candidate: _, ...rest } = enrolment;
  return { ...cutOff(rest, now), state: "detached", key: "" };
}

/**
 * What a store that was put back is told of decisions that it has forgotten: nothing that they ended holds again. Whoever
 * was revoked and accepted again in the meantime is what was decided last.
 */
export function reminded(
  enrolment: Enrolment,
  ending: Pick<Enrolment, "state" | "reason" | "sinceMs" | "key" | "first">,
): Enrolment {
  const { first, state, sinceMs } = ending;
  const isLater = first === enrolment.first && state !== enrolment.state && sinceMs > enrolment.sinceMs;
  if (first <= enrolment.first && !isLater) return enrolment;
  const { candidate: _, rotating: __, ...rest } = enrolment;
  const numbers = { oldest: Math.max(enrolment.oldest, first), generation: Math.max(enrolment.generation, first - 1) };
  return { ...rest, ...numbers, ...ending };
}

export function locked(enrolment: Enrolment, holder: string, now: number): Enrolment {
  const reason = "two agents have its identity";
  return { ...enrolment, state: "locked", reason, holder, sinceMs: now };
}

export function accepted(enrolment: Enrolment, now: number): Enrolment {
  return { ...enrolment, state: "accepted", reason: "", holder: "", recoveries: 0, sinceMs: now };
}

/** A token was shown for it by the agent with this key: the certificate that is made now holds, and no other. */
export function joined(enrolment: Enrolment, key: string, now: number): Enrolment {
  const { candidate: _, ...rest } = enrolment;
  return accepted({ ...issued(cutOff(rest, now), now), key }, now);
}

/** The candidate takes the cluster over: nothing that spoke for it so far does any more. */
export function takenOver(enrolment: Enrolment, { key }: Candidate, now: number): Enrolment {
  const { candidate: _, ...rest } = enrolment;
  return accepted({ ...cutOff(rest, now), key }, now);
}

/**
 * Why whoever shows a good token has to wait for a person; "" = it has not. The token is the acceptance of its name's
 * first cluster and of that cluster's return, never of another one in its place.
 */
export function reasonToWait(
  known: { readonly uid: string; readonly key: string; readonly connected: boolean },
  asking: { readonly uid: string; readonly key: string },
): string {
  if (known.uid === "" || (known.uid === asking.uid && known.key === asking.key)) return "";
  if (known.uid !== asking.uid) return `it is another cluster (kube-system uid ${asking.uid}, not ${known.uid})`;
  return known.connected ? "an agent with another key is connected" : "";
}
