import { createHash } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { EnrollRequest, EnrollResponse, HubLinkHandler } from "@drover/shared/link/link";
import type { Authority } from "@drover/shared/trust/authority";
import {
  createJoinToken,
  formatJoinToken,
  hashJoinSecret,
  matchesJoinSecret,
  parseJoinToken,
} from "@drover/shared/trust/join-token";
import type { SigningKey } from "@drover/shared/trust/signing-key";

import type { JoinTokenRecord, Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

/** How long a join token is good for (security-reliability §2.1). */
export const joinTokenLifetimeMs = 15 * 60_000;

export interface Enrollment extends Pick<HubLinkHandler, "enroll" | "renew"> {
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
  const respond = async (cluster: string, csr: Uint8Array): Promise<EnrollResponse> => ({
    cluster,
    certificate: await authority.issueClient(cluster, csr),
    authority: authority.certificate,
    signingKey: signingKey.publicPem,
    signingKeyId: signingKey.id,
  });
  return {
    invite(cluster) {
      const token = createJoinToken(authority.pin);
      const expiresAtMs = clock.now() + joinTokenLifetimeMs;
      store.putJoinToken({ id: token.id, cluster, secretHash: hashJoinSecret(token.secret), expiresAtMs, usedBy: "" });
      return { token: formatJoinToken(token), expiresAtMs };
    },
    async enroll(request) {
      const record = checkToken(store, request, clock.now());
      const response = await respond(record.cluster, request.csr);
      // Read again: another request may have used the token while the certificate was made.
      const { token, cluster } = checkJoin(store, record, request);
      store.join(token, cluster);
      if (record.usedBy === "") {
        events.append({ type: "joined", app: "", cluster: record.cluster, message: `${record.cluster} joined` });
      }
      return response;
    },
    async renew(cluster, csr) {
      if (store.cluster(cluster) === undefined)
        throw new DroverError("unauthorized", `cluster ${cluster} is not registered`);
      return respond(cluster, csr);
    },
  };
}

const refused = (message: string, hint: string): DroverError => new DroverError("join_refused", message, { hint });

function checkToken(store: Store, request: EnrollRequest, now: number): JoinTokenRecord {
  const { id, secret } = parseJoinToken(request.token);
  const record = store.joinToken(id);
  // One answer for an unknown id and for a wrong secret: ids are not to be found out by asking.
  if (record === undefined || !matchesJoinSecret(secret, record.secretHash)) {
    throw refused("the hub does not know this join token", "run `drover join NAME` for a new one");
  }
  if (record.expiresAtMs < now) {
    throw refused(
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
    throw refused(`cluster ${record.cluster} was removed`, `run \`drover join ${record.cluster}\` again`);
  }
  const key = createHash("sha256").update(request.csr).digest("hex");
  if (token.usedBy !== "" && token.usedBy !== key) {
    throw refused("the join token was used already", `run \`drover join ${record.cluster}\` for a new one`);
  }
  if (cluster.uid !== "" && cluster.uid !== request.clusterUid) {
    throw refused(
      `${record.cluster} is another cluster already (kube-system uid ${cluster.uid})`,
      `choose another name, or \`drover cluster remove ${record.cluster}\` first`,
    );
  }
  return { token: { ...token, usedBy: key }, cluster: { ...cluster, uid: request.clusterUid } };
}
