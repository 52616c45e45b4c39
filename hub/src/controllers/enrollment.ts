import { createHash } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse, HubLinkHandler, RenewRequest, Speaker } from "@drover/shared/link/link";
import type { Authority } from "@drover/shared/trust/authority";
import {
  createJoinToken,
  formatJoinToken,
  hashJoinSecret,
  matchesJoinSecret,
  parseJoinToken,
} from "@drover/shared/trust/join-token";
import type { SigningKey } from "@drover/shared/trust/signing-key";

import {
  candidateLifetimeMs,
  isOutrun,
  issued,
  joined,
  reasonToWait,
  recovered,
  recoveryLimit,
  recoveryRefusalOf,
  refusalOf,
  used,
  type Enrolment,
  type Refusal,
} from "../core/enrolment.ts";
import type { ClusterRecord, JoinTokenRecord, Store } from "../store/store.ts";
import { readEnrolment, rejected, type Acceptance } from "./acceptance.ts";
import type { EventLog } from "./event-log.ts";
import { Runs } from "./runs.ts";

/** How long a join token is good for (security-reliability §2.1). */
export const joinTokenLifetimeMs = 15 * 60_000;

export interface Enrollment extends Pick<HubLinkHandler, "admit" | "holds" | "enroll" | "renew"> {
  /** A new one-time token for a cluster. The hub keeps only its hash, so it is shown once. */
  invite(cluster: string): { readonly token: string; readonly expiresAtMs: number };
}

export interface EnrollmentDeps {
  readonly store: Store;
  readonly authority: Authority;
  readonly signingKey: SigningKey;
  readonly acceptance: Pick<Acceptance, "lock">;
  /** By the name of the cluster. */
  readonly connections: { readonly has: (cluster: string) => boolean };
  readonly events: EventLog;
  readonly clock: Clock;
}

/** Turns join tokens into clusters with certificates, and says which certificates hold. */
export function createEnrollment(deps: EnrollmentDeps): Enrollment {
  const { store, authority, clock } = deps;
  const runs = new Runs();
  return {
    invite(cluster) {
      const token = createJoinToken(authority.pin);
      const expiresAtMs = clock.now() + joinTokenLifetimeMs;
      store.putJoinToken({ id: token.id, cluster, secretHash: hashJoinSecret(token.secret), expiresAtMs, usedBy: "" });
      return { token: formatJoinToken(token), expiresAtMs };
    },
    admit: (speaker) => admit(deps, runs, speaker),
    holds: (speaker) => refusal(deps, speaker) === undefined,
    enroll: (request) => enroll(deps, request),
    renew: (speaker, request) => renew(deps, runs, speaker, request),
  };
}

function enrolmentOf({ store, clock }: EnrollmentDeps, cluster: string): Enrolment {
  return readEnrolment(store, cluster, clock.now());
}

function refusal(deps: EnrollmentDeps, { cluster, generation, run }: Speaker): Refusal | undefined {
  return unregistered(deps, cluster) ?? refusalOf(enrolmentOf(deps, cluster), generation, run);
}

/** Also when the store has lost a cluster that was not removed. */
function unregistered({ store }: EnrollmentDeps, cluster: string): Refusal | undefined {
  if (store.cluster(cluster) !== undefined || store.enrolments.get(cluster)?.state === "detached") return undefined;
  const message = `cluster ${cluster} is not registered with this hub`;
  return { code: "unauthorized", message, hint: `drover join ${cluster}` };
}

function admit(deps: EnrollmentDeps, runs: Runs, speaker: Speaker): void {
  const { cluster, generation, run = "" } = speaker;
  lockIfTwo(deps, runs, speaker);
  throwRefusal(refusal(deps, speaker));
  const enrolment = enrolmentOf(deps, cluster);
  const next = used(enrolment, generation, deps.clock.now());
  if (next !== enrolment) deps.store.enrolments.put(next);
  if (run !== "") runs.connected(cluster, run);
}

/** While one agent is connected, another comes with a certificate of before the last renewal, or takes turns with it. */
function lockIfTwo(deps: EnrollmentDeps, runs: Runs, { cluster, generation, run = "" }: Speaker): void {
  const enrolment = enrolmentOf(deps, cluster);
  if (enrolment.state !== "accepted" || !deps.connections.has(cluster)) return;
  if (isOutrun(enrolment, generation) || runs.isBack(cluster, run))
    deps.acceptance.lock(cluster, runs.current(cluster));
}

async function renew(
  deps: EnrollmentDeps,
  runs: Runs,
  speaker: Speaker,
  { csr, key, expired }: RenewRequest,
): Promise<EnrollResponse> {
  const { store, clock, events } = deps;
  const { cluster, generation } = speaker;
  throwRefusal(unregistered(deps, cluster));
  lockIfTwo(deps, runs, speaker);
  const enrolment = enrolmentOf(deps, cluster);
  const isGood = !expired && enrolment.state === "accepted" && generation >= enrolment.oldest;
  if (!isGood) throwRefusal(recoveryRefusalOf(enrolment, generation, key));
  const known = { ...enrolment, key: enrolment.key || key };
  const next = isGood ? issued(known, clock.now()) : recovered(known, generation, clock.now());
  // Counted first: whatever the answer comes to, the same number is not given out twice.
  store.enrolments.put(next);
  const response = await respond(deps, cluster, csr, next.generation);
  if (next.recoveries > known.recoveries) {
    const message = `${cluster} came back without a valid certificate (${next.recoveries} of ${recoveryLimit} times)`;
    events.append({ type: "recovered", app: "", cluster, message });
  }
  return response;
}

async function enroll(deps: EnrollmentDeps, request: EnrollRequest): Promise<EnrollResponse> {
  const { store, clock, events } = deps;
  const holder = request.key || createHash("sha256").update(request.csr).digest("hex");
  const token = checkToken(store, request.token, holder, clock.now());
  const cluster = checkCluster(store, token);
  waitForPerson(deps, { token, cluster, holder, request });
  const before = enrolmentOf(deps, cluster.name);
  const enrolment = joined(before, request.key, clock.now());
  const response = await respond(deps, cluster.name, request.csr, enrolment.generation);
  // Read again: another request may have used the token while the certificate was made.
  const unused = checkToken(store, request.token, holder, clock.now());
  if (enrolmentOf(deps, cluster.name).generation !== before.generation) {
    throw new DroverError("link_closed", `another certificate of ${cluster.name} was made at the same time`);
  }
  store.join({ ...unused, usedBy: holder }, { ...checkCluster(store, token), uid: request.clusterUid }, enrolment);
  if (token.usedBy === "" || before.generation < before.first) {
    const again = before.key !== "" && before.key !== request.key ? " again, with another key" : "";
    events.append({ type: "joined", app: "", cluster: cluster.name, message: `${cluster.name} joined${again}` });
  }
  return response;
}

interface Joining {
  readonly token: JoinTokenRecord;
  readonly cluster: ClusterRecord;
  readonly holder: string;
  readonly request: EnrollRequest;
}

/** Throws `join_pending` when the agent has to wait for a person. The token is then used up by its key. */
function waitForPerson(deps: EnrollmentDeps, { token, cluster, holder, request }: Joining): void {
  const { store, clock, events } = deps;
  const { candidate, ...enrolment } = enrolmentOf(deps, cluster.name);
  const known = { uid: cluster.uid, key: enrolment.key, connected: deps.connections.has(cluster.name) };
  // Once it waits, only a person ends that: not that the other agent went away.
  const waiting = candidate?.token === token.id ? candidate : undefined;
  const reason = waiting?.reason ?? reasonToWait(known, { uid: request.clusterUid, key: request.key });
  if (reason === "") return;
  const { name } = cluster;
  if (waiting === undefined) {
    const asking = { uid: request.clusterUid, key: request.key, token: token.id, sinceMs: clock.now(), reason };
    store.join({ ...token, usedBy: holder }, cluster, { ...enrolment, candidate: asking });
    const message = `an agent waits to be accepted as ${name}: ${reason}`;
    events.append({ type: "pending", app: "", cluster: name, message });
  } else if (clock.now() - waiting.sinceMs >= candidateLifetimeMs) {
    throw refusedJoin(`nobody accepted this agent as ${name} in time`, name);
  }
  throw new DroverError("join_pending", `waits to be accepted as ${name}: ${reason}`, {
    hint: `drover cluster accept ${name}, or: drover cluster reject ${name}`,
  });
}

async function respond(
  { authority, signingKey }: EnrollmentDeps,
  cluster: string,
  csr: Uint8Array,
  generation: number,
): Promise<EnrollResponse> {
  return {
    cluster,
    certificate: await authority.issueClient(cluster, csr, generation),
    authority: authority.certificate,
    signingKey: signingKey.publicPem,
    signingKeyId: signingKey.id,
  };
}

function throwRefusal(refused: Refusal | undefined): void {
  if (refused !== undefined) throw new DroverError(refused.code, refused.message, { hint: refused.hint });
}

function refusedJoin(message: string, cluster = "NAME"): DroverError {
  return new DroverError("join_refused", message, { hint: `run \`drover join ${cluster}\` for a new one` });
}

/** A token works once; the same agent may ask again, since its first answer may have been lost or was to wait. */
function checkToken(store: Store, text: string, holder: string, now: number): JoinTokenRecord {
  const { id, secret } = parseJoinToken(text);
  const record = store.joinToken(id);
  // One answer for an unknown id and for a wrong secret: ids are not to be found out by asking.
  if (record === undefined || !matchesJoinSecret(secret, record.secretHash)) {
    throw refusedJoin("the hub does not know this join token");
  }
  const { cluster, usedBy, expiresAtMs } = record;
  if (usedBy === rejected) throw refusedJoin(`a person rejected this agent as ${cluster}`, cluster);
  if (usedBy !== "" && usedBy !== holder) throw refusedJoin("the join token was used already", cluster);
  const expired = expiresAtMs + (usedBy === "" ? 0 : candidateLifetimeMs) < now;
  if (expired) throw refusedJoin(`the join token for ${cluster} has expired`, cluster);
  return record;
}

function checkCluster(store: Store, token: JoinTokenRecord): ClusterRecord {
  const cluster = store.cluster(token.cluster);
  if (cluster === undefined) throw refusedJoin(`cluster ${token.cluster} was removed`, token.cluster);
  return cluster;
}
