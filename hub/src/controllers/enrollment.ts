import { createHash } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse, HubLinkHandler, Speaker } from "@drover/shared/link/link";
import type { Authority } from "@drover/shared/trust/authority";
import {
  createJoinToken,
  formatJoinToken,
  hashJoinSecret,
  matchesJoinSecret,
  parseJoinToken,
} from "@drover/shared/trust/join-token";
import type { SigningKey } from "@drover/shared/trust/signing-key";

import { issued, joined, refusalOf, used, type Enrolment, type Refusal } from "../core/enrolment.ts";
import type { JoinTokenRecord, Store } from "../store/store.ts";
import { readEnrolment } from "./acceptance.ts";
import type { EventLog } from "./event-log.ts";

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
  readonly events: EventLog;
  readonly clock: Clock;
}

/** Turns join tokens into clusters with certificates. */
export function createEnrollment(deps: EnrollmentDeps): Enrollment {
  const { store, authority, signingKey, events, clock } = deps;
  const enrolmentOf = (cluster: string): Enrolment => readEnrolment(store, cluster, clock.now());
  const respond = async (cluster: string, csr: Uint8Array, generation: number): Promise<EnrollResponse> => ({
    cluster,
    certificate: await authority.issueClient(cluster, csr, generation),
    authority: authority.certificate,
    signingKey: signingKey.publicPem,
    signingKeyId: signingKey.id,
  });
  const refusal = ({ cluster, generation }: Speaker): Refusal | undefined =>
    store.cluster(cluster) === undefined ? unregistered(cluster) : refusalOf(enrolmentOf(cluster), generation);
  const checkSpeaker = (speaker: Speaker): Enrolment => {
    const refused = refusal(speaker);
    if (refused !== undefined) throw new DroverError(refused.code, refused.message, { hint: refused.hint });
    return enrolmentOf(speaker.cluster);
  };
  return {
    invite(cluster) {
      const token = createJoinToken(authority.pin);
      const expiresAtMs = clock.now() + joinTokenLifetimeMs;
      store.putJoinToken({ id: token.id, cluster, secretHash: hashJoinSecret(token.secret), expiresAtMs, usedBy: "" });
      return { token: formatJoinToken(token), expiresAtMs };
    },
    admit(speaker) {
      const enrolment = checkSpeaker(speaker);
      const next = used(enrolment, speaker.generation, clock.now());
      if (next !== enrolment) store.enrolments.put(next);
    },
    holds: (speaker) => refusal(speaker) === undefined,
    async enroll(request) {
      const record = checkToken(store, request, clock.now());
      const before = enrolmentOf(record.cluster);
      const enrolment = joined(before, clock.now());
      const response = await respond(record.cluster, request.csr, enrolment.generation);
      // Read again: another request may have used the token while the certificate was made.
      const { token, cluster } = checkJoin(store, record, request);
      if (enrolmentOf(record.cluster).generation !== before.generation) {
        throw new DroverError("link_closed", `another certificate of ${record.cluster} was made at the same time`);
      }
      store.join(token, cluster, enrolment);
      if (record.usedBy === "") {
        events.append({ type: "joined", app: "", cluster: record.cluster, message: `${record.cluster} joined` });
      }
      return response;
    },
    async renew(speaker, csr) {
      const next = issued(checkSpeaker(speaker), clock.now());
      store.enrolments.put(next);
      return respond(speaker.cluster, csr, next.generation);
    },
  };
}

const unregistered = (cluster: string): Refusal => ({
  code: "unauthorized",
  message: `cluster ${cluster} is not registered with this hub`,
  hint: `drover join ${cluster}`,
});

const refusedJoin = (message: string, hint: string): DroverError => new DroverError("join_refused", message, { hint });

function checkToken(store: Store, request: EnrollRequest, now: number): JoinTokenRecord {
  const { id, secret } = parseJoinToken(request.token);
  const record = store.joinToken(id);
  // One answer for an unknown id and for a wrong secret: ids are not to be found out by asking.
  if (record === undefined || !matchesJoinSecret(secret, record.secretHash)) {
    throw refusedJoin("the hub does not know this join token", "run `drover join NAME` for a new one");
  }
  if (record.expiresAtMs < now) {
    throw refusedJoin(
      `the join token for ${record.cluster} has expired`,
      `run \`drover join ${record.cluster}\` for a new one`,
    );
  }
  return record;
}

/** A token works once; the same agent may ask again, since its first answer may have been lost. */
function checkJoin(store: Store, record: JoinTokenRecord, request: EnrollRequest) {
  const cluster = store.cluster(record.cluster);
  const token = store.joinToken(record.id);
  if (cluster === undefined || token === undefined) {
    throw refusedJoin(`cluster ${record.cluster} was removed`, `run \`drover join ${record.cluster}\` again`);
  }
  const key = createHash("sha256").update(request.csr).digest("hex");
  if (token.usedBy !== "" && token.usedBy !== key) {
    throw refusedJoin("the join token was used already", `run \`drover join ${record.cluster}\` for a new one`);
  }
  if (cluster.uid !== "" && cluster.uid !== request.clusterUid) {
    throw refusedJoin(
      `${record.cluster} is another cluster already (kube-system uid ${cluster.uid})`,
      `choose another name, or \`drover cluster remove ${record.cluster}\` first`,
    );
  }
  return { token: { ...token, usedBy: key }, cluster: { ...cluster, uid: request.clusterUid } };
}
