import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

import { DroverError } from "@drover/shared/errors";
import type { Speaker } from "@drover/shared/link/link";
import { clusterOf, generationOf, validityOf, type Validity } from "@drover/shared/trust/certificate";

import { networkOf } from "../core/network-of.ts";
import type { LinkLimits } from "./limits.ts";

/** The other end of one TLS connection. */
export interface Peer {
  /** IP address. */
  readonly address: string;
  readonly sinceMs: number;
  /** The cluster that its certificate names; undefined without a certificate of this hub's authority. */
  readonly cluster: string | undefined;
  readonly generation: number;
  readonly validity: Validity;
  /** How much it sent so far. */
  readonly receivedBytes: () => number;
  /** Ends the connection at once. */
  readonly destroy: () => void;
}

/** Who is connected, by `ip:port`, the one name of a connection that grpc-js gives to its handlers. */
export class Peers {
  readonly #byEndpoint = new Map<string, Peer>();
  readonly #byCluster = new Map<string, Set<Peer>>();
  readonly #strangers = new Map<string, number>();
  readonly #limits: LinkLimits;
  readonly #authority: X509Certificate;
  readonly #holds: (speaker: Speaker) => boolean;
  /** Those that came with a certificate that held. */
  readonly #known = new Set<Peer>();

  constructor(limits: LinkLimits, authority: string, holds: (speaker: Speaker) => boolean) {
    this.#limits = limits;
    this.#holds = holds;
    this.#authority = new X509Certificate(authority);
  }

  /** Takes in a connection whose handshake is done; false when there is no room for it. */
  admit(socket: TLSSocket, now: number): boolean {
    const peer = this.#describe(socket, now);
    // The server gives out no tickets, so nobody can resume; a resumed session would skip the check of its certificate.
    if (peer === undefined || socket.isSessionReused()) return false;
    const endpoint = `${peer.address}:${socket.remotePort}`;
    const known = this.#isKnown(peer, now);
    if (known) this.#makeRoom(peer);
    else if (!this.#hasRoomForStranger(peer)) return false;
    this.#add(endpoint, peer, socket, known);
    return true;
  }

  find(endpoint: string): Peer | undefined {
    return this.#byEndpoint.get(endpoint);
  }

  /** Ends connections whose certificate ran out or was revoked, and strangers that stay or send more than enrolling takes. */
  sweep(now: number): void {
    for (const peer of this.#byEndpoint.values()) {
      if (this.#isKnown(peer, now)) continue;
      if (this.#known.has(peer)) {
        peer.destroy();
        continue;
      }
      const { strangerLifetimeMs, strangerBytes } = this.#limits;
      if (now - peer.sinceMs >= strangerLifetimeMs || peer.receivedBytes() > strangerBytes) peer.destroy();
    }
  }

  destroyAll(): void {
    for (const peer of this.#byEndpoint.values()) peer.destroy();
  }

  #describe(socket: TLSSocket, now: number): Peer | undefined {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return undefined;
    const certificate = socket.getPeerX509Certificate();
    const common = {
      address: remoteAddress,
      sinceMs: now,
      receivedBytes: () => socket.bytesRead,
      destroy: () => void socket.destroy(),
    };
    if (certificate === undefined) return { ...common, cluster: undefined, generation: 0, validity: never };
    const cluster = isTrusted(socket) ? clusterOf(certificate, this.#authority) : undefined;
    return { ...common, cluster, generation: generationOf(certificate), validity: validityOf(certificate) };
  }

  #isKnown({ cluster, generation, validity }: Peer, now: number): boolean {
    if (cluster === undefined || now < validity.notBeforeMs || now >= validity.notAfterMs) return false;
    return this.#holds({ cluster, generation });
  }

  #add(endpoint: string, peer: Peer, socket: TLSSocket, known: boolean): void {
    this.#byEndpoint.set(endpoint, peer);
    if (!known) this.#countStranger(networkOf(peer.address));
    else if (peer.cluster !== undefined) this.#connectionsOf(peer.cluster).add(peer);
    if (known) this.#known.add(peer);
    socket.once("close", () => {
      this.#byEndpoint.delete(endpoint);
      this.#known.delete(peer);
      if (known && peer.cluster !== undefined) this.#forget(peer.cluster, peer);
      else this.#forgetStranger(networkOf(peer.address));
    });
  }

  #makeRoom(peer: Peer): void {
    const others = peer.cluster === undefined ? undefined : this.#byCluster.get(peer.cluster);
    if (others === undefined || others.size < this.#limits.connectionsPerCluster) return;
    const [oldest] = others;
    oldest?.destroy();
  }

  #hasRoomForStranger(peer: Peer): boolean {
    if ((this.#strangers.get(networkOf(peer.address)) ?? 0) >= this.#limits.strangersPerAddress) return false;
    let total = 0;
    for (const count of this.#strangers.values()) total += count;
    return total < this.#limits.strangers;
  }

  #connectionsOf(cluster: string): Set<Peer> {
    const known = this.#byCluster.get(cluster);
    if (known !== undefined) return known;
    const created = new Set<Peer>();
    this.#byCluster.set(cluster, created);
    return created;
  }

  #forget(cluster: string, peer: Peer): void {
    const peers = this.#byCluster.get(cluster);
    peers?.delete(peer);
    if (peers?.size === 0) this.#byCluster.delete(cluster);
  }

  #countStranger(address: string): void {
    this.#strangers.set(address, (this.#strangers.get(address) ?? 0) + 1);
  }

  #forgetStranger(address: string): void {
    const left = (this.#strangers.get(address) ?? 1) - 1;
    if (left > 0) this.#strangers.set(address, left);
    else this.#strangers.delete(address);
  }
}

/** Whether the certificate of a connection has ended. */
export function hasExpired(peer: Peer | undefined, now: number): boolean {
  return peer !== undefined && now >= peer.validity.notAfterMs;
}

/** Who speaks, by its certificate and nothing else. Throws `unauthorized`. Asked anew for every stream. */
export function authenticate(peer: Peer | undefined, now: number, graceMs = 0): Speaker {
  if (peer?.cluster === undefined) {
    throw new DroverError("unauthorized", "this needs a certificate of the hub's own authority");
  }
  if (now < peer.validity.notBeforeMs || now >= peer.validity.notAfterMs + graceMs) {
    throw new DroverError("unauthorized", `the certificate of cluster ${peer.cluster} is not valid at this time`);
  }
  return { cluster: peer.cluster, generation: peer.generation };
}

const never: Validity = { notBeforeMs: 0, notAfterMs: 0 };

/** Time is judged by `authenticate`, on the hub's clock; every other complaint of OpenSSL's makes a stranger. */
function isTrusted(socket: TLSSocket): boolean {
  const complaint = String(socket.authorizationError);
  return socket.authorized || complaint === "CERT_HAS_EXPIRED" || complaint === "CERT_NOT_YET_VALID";
}
