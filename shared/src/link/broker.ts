import { DroverError } from "../errors.ts";
import { numberAt, textAt } from "../json.ts";

/**
 * How hub and agents use a NATS broker: as a wire. Each connection that an agent would make to the hub's port runs through
 * one tunnel of frames instead, TLS and all, so that a broker can lose what passes and nothing else: it reads nothing,
 * changes nothing unnoticed, and keeps nothing.
 */
const prefix = "drover.v1";

/** What agents of a cluster publish on, and the hub listens to. */
export function upSubject(cluster: string, tunnel: string): string {
  return `${prefix}.up.${tokenOf(cluster)}.${tunnel}`;
}

/** What the hub publishes on, and agents of a cluster listen to. */
export function downSubject(cluster: string, tunnel: string): string {
  return `${prefix}.down.${tokenOf(cluster)}.${tunnel}`;
}

/** Both subjects of a tunnel, and the part that stands for its cluster; undefined for what is no tunnel's. */
export function parseUpSubject(
  up: string,
): { readonly token: string; readonly up: string; readonly down: string } | undefined {
  const match = /^drover\.v1\.up\.(?<token>[A-Za-z0-9_~-]{1,256})\.(?<tunnel>[0-9a-f]{32})$/u.exec(up);
  const { token, tunnel } = match?.groups ?? {};
  if (token === undefined || tunnel === undefined) return undefined;
  return { token, up, down: `${prefix}.down.${token}.${tunnel}` };
}

/** Everything that may be published and listened to by those who act for a cluster. */
export function clusterSubjects(cluster: string): { readonly publish: string; readonly subscribe: string } {
  return { publish: upSubject(cluster, "*"), subscribe: downSubject(cluster, "*") };
}

export const hubSubjects = { publish: `${prefix}.down.*.*`, subscribe: `${prefix}.up.*.*` } as const;

/** A dot separates tokens of a subject, and no name of a cluster has a tilde. */
function tokenOf(cluster: string): string {
  return cluster.replaceAll(".", "~");
}

/** Where the broker is, and what is shown to it: a NATS user, and the seed of its key. */
export interface BrokerAccess {
  /** `nats://host:port` or `tls://host:port`, several separated by commas. */
  readonly servers: string;
  readonly jwt: string;
  readonly seed: string;
}

const accessPrefix = "drvb1.";

/** As one word, which a join manifest holds. It is a secret. */
export function formatBrokerAccess({ servers, jwt, seed }: BrokerAccess): string {
  return `${accessPrefix}${Buffer.from(JSON.stringify({ servers, jwt, seed })).toString("base64url")}`;
}

/** Throws `config_invalid`, without the word. */
export function parseBrokerAccess(word: string): BrokerAccess {
  const access = word.trim().startsWith(accessPrefix) ? readJson(word.trim().slice(accessPrefix.length)) : {};
  const [servers, jwt, seed] = [textAt(access, "servers"), textAt(access, "jwt"), textAt(access, "seed")];
  if (servers === undefined || jwt === undefined || seed === undefined) {
    throw new DroverError("config_invalid", "this is not what `drover join --link nats` gives as access to the broker");
  }
  return { servers, jwt, seed };
}

/** Which cluster a user may act for, and from when until when: the hub writes it there. Throws `config_invalid`. */
export function brokerUserOf({ jwt }: Pick<BrokerAccess, "jwt">): {
  readonly cluster: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
} {
  const claims = readJson(jwt.split(".")[1] ?? "");
  const cluster = textAt(claims, "name");
  const [issued, expires] = [numberAt(claims, "iat"), numberAt(claims, "exp")];
  if (cluster === undefined || issued === undefined || expires === undefined) {
    throw new DroverError("config_invalid", "the NATS user names no cluster, or does not say until when");
  }
  return { cluster, issuedAtMs: issued * 1000, expiresAtMs: expires * 1000 };
}

function readJson(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, "base64url").toString());
  } catch {
    return undefined;
  }
}
