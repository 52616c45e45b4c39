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

/** The same tunnel the other way round; undefined for what is no subject of a tunnel. */
export function parseUpSubject(subject: string): { readonly token: string; readonly down: string } | undefined {
  const match = /^drover\.v1\.up\.(?<token>[A-Za-z0-9_~-]{1,256})\.(?<tunnel>[0-9a-f]{32})$/u.exec(subject);
  const { token, tunnel } = match?.groups ?? {};
  if (token === undefined || tunnel === undefined) return undefined;
  return { token, down: `${prefix}.down.${token}.${tunnel}` };
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

/** What an agent shows to the broker: a NATS user, and the seed of its key. */
export interface BrokerUser {
  readonly jwt: string;
  readonly seed: string;
}
