import path from "node:path";

import type { Clock } from "@drover/shared/clock";
import { DroverError, retryable } from "@drover/shared/errors";
import type { BrokerAccess } from "@drover/shared/link/broker";
import type { Logger } from "@drover/shared/log";
import { backoffMs, type Backoff, type Random } from "@drover/shared/retry";
import { createEnrolmentKey } from "@drover/shared/trust/enrolment-key";
import { createIdentity, createKeyRequest, type Identity, identityValidity } from "@drover/shared/trust/identity";
import { type JoinToken, parseJoinToken } from "@drover/shared/trust/join-token";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";

import { createFingerprintKey } from "./fingerprint.ts";
import type { HubAddresses } from "./link/addresses.ts";
import type { HeldBrokerAccess } from "./link/broker-access.ts";
import { enroll, fetchAuthority } from "./link/join.ts";
import type { HeldIdentity } from "./link/options.ts";

export interface EnrollOptions {
  /** The identity is kept in `identity.json` in this folder. */
  readonly dataDir: string;
  /** `drv1.…`; may stay given for ever, it is used once. Absent: there must be an identity already. */
  readonly token: string | undefined;
  readonly addresses: HubAddresses;
  readonly clusterUid: string;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const backoff: Backoff = { baseMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 };

/**
 * The identity of this agent: the stored one, or a new one for a join token that was not used yet. Tries for as long as
 * the hub cannot be reached. Throws `join_refused` when the hub or the token is the wrong one, `unauthorized` when there
 * is neither an identity nor a token.
 */
export async function loadOrEnroll(options: EnrollOptions, signal: AbortSignal): Promise<EnrolledIdentity> {
  const file = path.join(options.dataDir, "identity.json");
  const stored = readStored(await readSecretFile(file));
  const token = options.token === undefined || options.token === "" ? undefined : parseJoinToken(options.token);
  if (stored !== undefined && (token === undefined || token.id === stored.tokenId)) {
    warnWhenExpired(stored.identity, options);
    return hold(file, await complete(file, stored));
  }
  if (token === undefined) {
    throw new DroverError("unauthorized", `there is no identity in ${options.dataDir} and no join token`, {
      hint: "run `drover join NAME` and give the agent the token that it prints",
    });
  }
  try {
    const enrolmentKey = stored?.enrolmentKey || (await loadEnrolmentKey(options.dataDir));
    const identity = await enrollUntilDone({ ...options, enrolmentKey }, token, signal);
    const fingerprintKey = stored?.fingerprintKey || createFingerprintKey();
    const joined = { identity, tokenId: token.id, fingerprintKey, enrolmentKey };
    await writeSecretFile(file, JSON.stringify(joined));
    options.log.info({ cluster: joined.identity.cluster }, "joined the hub");
    return hold(file, joined);
  } catch (cause) {
    // A token that ran out before this agent saw it must not cost it the identity that it has.
    const error = DroverError.from(cause);
    if (stored === undefined || error.code !== "join_refused") throw error;
    options.log.warn({ code: error.code, err: error }, "join token was refused, keeping the stored identity");
    return hold(file, stored);
  }
}

export interface EnrolledIdentity extends HeldIdentity {
  /** See `createFingerprint`. Made once for each agent; never leaves it. */
  readonly fingerprintKey: string;
  /** What the hub has granted at its broker; kept with the identity, so that it goes wherever that goes. */
  readonly broker: HeldBrokerAccess;
}

interface StoredIdentity {
  readonly identity: Identity;
  /** The token that was traded for it: the same one is not shown twice, another one means "join again". */
  readonly tokenId: string;
  /** "" in what was stored before there were fingerprints. */
  readonly fingerprintKey: string;
  readonly broker?: BrokerAccess;
  /** "" in what was stored before there were such keys. */
  readonly enrolmentKey: string;
}

/** Adds the keys that agents of earlier versions did not make. */
async function complete(file: string, stored: StoredIdentity): Promise<StoredIdentity> {
  if (stored.fingerprintKey !== "" && stored.enrolmentKey !== "") return stored;
  const fingerprintKey = stored.fingerprintKey || createFingerprintKey();
  const completed = { ...stored, fingerprintKey, enrolmentKey: stored.enrolmentKey || createEnrolmentKey() };
  await writeSecretFile(file, JSON.stringify(completed));
  return completed;
}

/** Kept from the first try on: by its key the hub knows an agent again that waits for a person, also after a restart. */
async function loadEnrolmentKey(dataDir: string): Promise<string> {
  const file = path.join(dataDir, "enrolment.key");
  const kept = await readSecretFile(file);
  if (kept !== undefined) return kept;
  const created = createEnrolmentKey();
  await writeSecretFile(file, created);
  return created;
}

type Joining = EnrollOptions & { readonly enrolmentKey: string };

async function enrollUntilDone(options: Joining, token: JoinToken, signal: AbortSignal): Promise<Identity> {
  // One key for all tries: a hub that accepted a request whose answer got lost sees the same key again.
  const request = await createKeyRequest();
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { addresses, clusterUid, agentVersion, enrolmentKey } = options;
      const asked = { token: options.token?.trim() ?? "", csr: request.csr, clusterUid, agentVersion, enrolmentKey };
      return await addresses.ask(async (address) => {
        const authority = await fetchAuthority(address, token.pin, signal);
        const response = await enroll(address, authority, asked, signal);
        return createIdentity({ ...response, authority }, request.privateKey);
      });
    } catch (cause) {
      signal.throwIfAborted();
      const error = DroverError.from(cause, "link_closed");
      if (!retryable(error.code) && error.code !== "forbidden") throw error;
      const waitMs = backoffMs(backoff, attempt, options.random);
      options.log.warn({ code: error.code, err: error, attempt, waitMs }, "hub cannot be joined yet");
      await options.clock.sleep(waitMs, signal);
    }
  }
}

function hold(file: string, stored: StoredIdentity): EnrolledIdentity {
  let held = stored;
  let writing = Promise.resolve();
  // One after the other, each on top of what is held by then.
  const change = (part: Partial<StoredIdentity>): Promise<void> => {
    const next = writing.then(async () => {
      const changed = { ...held, ...part };
      await writeSecretFile(file, JSON.stringify(changed));
      held = changed;
    });
    writing = next.catch(() => undefined);
    return next;
  };
  return {
    fingerprintKey: stored.fingerprintKey,
    enrolmentKey: stored.enrolmentKey,
    current: () => held.identity,
    replace: (identity) => change({ identity }),
    broker: { current: () => held.broker, replace: (broker) => change({ broker }) },
  };
}

/** Undefined for what is not a whole identity, so that a new token can repair it. */
function readStored(text: string | undefined): StoredIdentity | undefined {
  if (text === undefined) return undefined;
  try {
    const read = JSON.parse(text) as Partial<StoredIdentity>;
    const { identity, tokenId, fingerprintKey = "", enrolmentKey = "", broker } = read;
    if (identity === undefined || tokenId === undefined) return undefined;
    const keys = { fingerprintKey, enrolmentKey, ...(broker === undefined ? {} : { broker }) };
    return { identity: createIdentity(identity, identity.privateKey), tokenId, ...keys };
  } catch {
    return undefined;
  }
}

function warnWhenExpired(identity: Identity, { clock, log }: EnrollOptions): void {
  if (identityValidity(identity).notAfterMs > clock.now()) return;
  log.warn(
    { cluster: identity.cluster, hint: "if the hub no longer renews it, run `drover join` again" },
    "certificate has expired while the agent was away, renewing it",
  );
}
