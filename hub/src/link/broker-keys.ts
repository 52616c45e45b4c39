import { randomUUID } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, clusterSubjects, hubSubjects } from "@drover/shared/link/broker";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";
import { nkeys } from "@nats-io/transport-node";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A NATS user, and the seed of its key. */
export type BrokerIdentity = Pick<BrokerAccess, "jwt" | "seed">;

/** Who may use the broker for what: the hub's own NATS account, and the users that it vouches for. */
export interface BrokerKeys {
  /** Makes a nats-server know the account, in that server's own configuration language. Holds nothing secret. */
  readonly config: string;
  /** The hub itself, with a new key. */
  hubUser(): BrokerIdentity;
  /** A user with a new key that may act for this cluster, and for no other, until then. */
  clusterUser(cluster: string, expiresAtMs: number): BrokerIdentity;
  /** The same for a key that somebody else has made. Throws `document_invalid` for what is no public key of a user. */
  clusterJwt(cluster: string, publicKey: string, expiresAtMs: number): string;
}

/** The keys of a file, made on first use: the seed of an operator, and that of the account. */
export async function loadBrokerKeys(file: string, clock: Clock): Promise<BrokerKeys> {
  const stored = await readSecretFile(file);
  if (stored !== undefined) return describeKeys(parseKeys(file, stored), clock);
  const keys = { operator: nkeys.createOperator(), account: nkeys.createAccount() };
  await writeSecretFile(file, `${seedOf(keys.operator)}\n${seedOf(keys.account)}\n`);
  return describeKeys(keys, clock);
}

interface Keys {
  readonly operator: KeyPair;
  readonly account: KeyPair;
}

function describeKeys(keys: Keys, clock: Clock): BrokerKeys {
  const clusterJwt: BrokerKeys["clusterJwt"] = (cluster, publicKey, expiresAtMs) => {
    if (!isUserKey(publicKey)) throw new DroverError("document_invalid", "that is not the public key of a NATS user");
    const claims = { sub: publicKey, name: cluster, exp: Math.floor(expiresAtMs / 1000) };
    return encodeJwt(keys.account, { ...claims, nats: userClaims(clusterSubjects(cluster)) }, clock.now());
  };
  return {
    config: brokerConfig(keys, clock.now()),
    hubUser() {
      const user = nkeys.createUser();
      const claims = { sub: user.getPublicKey(), name: "drover-hub", nats: userClaims(hubSubjects) };
      return { jwt: encodeJwt(keys.account, claims, clock.now()), seed: seedOf(user) };
    },
    clusterUser(cluster, expiresAtMs) {
      const user = nkeys.createUser();
      return { jwt: clusterJwt(cluster, user.getPublicKey(), expiresAtMs), seed: seedOf(user) };
    },
    clusterJwt,
  };
}

/** One subject each way, plain TCP, nothing else: no inbox of others, no JetStream, no leaf nodes. */
function userClaims({ publish, subscribe }: { readonly publish: string; readonly subscribe: string }): object {
  const allowed = { pub: { allow: [publish] }, sub: { allow: [subscribe] } };
  return { ...allowed, subs: 4, data: -1, payload: -1, allowed_connection_types: ["STANDARD"], ...userType };
}

const userType = { type: "user", version: 2 } as const;

/** -1 is "any number"; what is left out is 0. */
const accountLimits = { subs: -1, data: -1, payload: -1, conn: -1, imports: 0, exports: 0, leaf: 0, wildcards: true };

function brokerConfig({ operator, account }: Keys, nowMs: number): string {
  const operatorClaims = { sub: operator.getPublicKey(), name: "drover", nats: { type: "operator", version: 2 } };
  const accountClaims = {
    sub: account.getPublicKey(),
    name: "drover",
    nats: { type: "account", version: 2, limits: accountLimits },
  };
  return [
    "# Written by the Drover hub, of public keys only: nats-server --config FILE, or include it in another.",
    `operator: ${encodeJwt(operator, operatorClaims, nowMs)}`,
    "resolver: MEMORY",
    "resolver_preload: {",
    `  ${account.getPublicKey()}: ${encodeJwt(operator, accountClaims, nowMs)}`,
    "}",
    "",
  ].join("\n");
}

interface Claims {
  readonly sub: string;
  readonly name: string;
  readonly exp?: number;
  readonly nats: object;
}

function encodeJwt(issuer: KeyPair, claims: Claims, nowMs: number): string {
  const times = { jti: randomUUID(), iat: Math.floor(nowMs / 1000), iss: issuer.getPublicKey() };
  const signed = `${encodePart({ typ: "JWT", alg: "ed25519-nkey" })}.${encodePart({ ...times, ...claims })}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}

function encodePart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function isUserKey(publicKey: string): boolean {
  try {
    nkeys.fromPublic(publicKey);
    return publicKey.startsWith("U");
  } catch {
    return false;
  }
}

function seedOf(key: KeyPair): string {
  return Buffer.from(key.getSeed()).toString();
}

function parseKeys(file: string, text: string): Keys {
  const [operator = "", account = ""] = text.trim().split("\n");
  try {
    if (operator.startsWith("SO") && account.startsWith("SA")) {
      return { operator: nkeys.fromSeed(Buffer.from(operator)), account: nkeys.fromSeed(Buffer.from(account)) };
    }
  } catch {
    // Said below without the cause: a parser's message could quote the key.
  }
  throw new DroverError("config_invalid", `${file} does not hold the seeds of a NATS operator and an account`);
}
