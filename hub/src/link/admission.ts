import type { Socket } from "node:net";

import { networkOf } from "../core/network-of.ts";
import type { LinkLimits } from "./limits.ts";

/** Of one address: sockets that have said nothing yet, those that wait for their handshake, and how many are in one. */
interface Place {
  readonly silent: Set<Socket>;
  readonly waiting: Set<Socket>;
  underWay: number;
}

type AdmissionLimits = Pick<
  LinkLimits,
  "handshakes" | "handshakesPerAddress" | "silent" | "silentPerAddress" | "handshakeTimeoutMs" | "handshakeWaitMs"
>;

/**
 * Lets TLS handshakes begin, so many at once and of one address only a share: a fleet that comes back together waits in
 * line, the addresses in turn. A socket that says nothing is in no line, and of too many the oldest goes.
 */
export class Admission {
  readonly #places = new Map<string, Place>();
  /** Addresses of which a handshake may begin, the next one first. */
  readonly #ready = new Set<string>();
  /** By when each has to go on, oldest first; of those that are in no handshake yet. */
  readonly #sinceMs = new Map<Socket, number>();
  readonly #limits: AdmissionLimits;
  readonly #begin: (socket: Socket) => void;
  /** Each with what to do when its handshake is over. */
  readonly #underWay = new Map<Socket, () => void>();
  #silent = 0;

  constructor(limits: AdmissionLimits, begin: (socket: Socket) => void) {
    this.#limits = limits;
    this.#begin = begin;
  }

  /** A connection was accepted. */
  add(socket: Socket, now: number): void {
    // One that fails is closed as well, and that is seen below.
    socket.on("error", () => undefined);
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const address = networkOf(socket.remoteAddress);
    const place = this.#placeOf(address);
    const wait = (): void => {
      if (!this.#hush(place, socket)) return;
      place.waiting.add(socket);
      this.#consider(address, place);
      this.#beginReady();
    };
    this.#sinceMs.set(socket, now);
    this.#silent += 1;
    place.silent.add(socket);
    socket.once("readable", wait);
    socket.once("close", () => {
      if (!this.#hush(place, socket) && !place.waiting.delete(socket)) return;
      this.#sinceMs.delete(socket);
      this.#consider(address, place);
    });
    const [oldest] = place.silent.size > this.#limits.silentPerAddress ? place.silent : this.#oldestSilent();
    oldest?.destroy();
  }

  /** Ends what has waited for too long. */
  sweep(now: number): void {
    const { handshakeTimeoutMs, handshakeWaitMs } = this.#limits;
    for (const [socket, sinceMs] of this.#sinceMs) {
      if (now - sinceMs < handshakeTimeoutMs) break;
      const place = this.#places.get(networkOf(socket.remoteAddress ?? ""));
      if (place?.waiting.has(socket) !== true || now - sinceMs >= handshakeWaitMs) socket.destroy();
    }
  }

  destroyAll(): void {
    for (const socket of [...this.#sinceMs.keys(), ...this.#underWay.keys()]) socket.destroy();
  }

  /** The handshake of a socket has succeeded; one that fails closes its socket. */
  finished(socket: Socket): void {
    this.#underWay.get(socket)?.();
  }

  *#oldestSilent(): Generator<Socket> {
    if (this.#silent <= this.#limits.silent) return;
    for (const place of this.#places.values()) yield* place.silent;
  }

  /** Whether it was silent until now. */
  #hush(place: Place, socket: Socket): boolean {
    if (!place.silent.delete(socket)) return false;
    this.#silent -= 1;
    return true;
  }

  #placeOf(address: string): Place {
    const known = this.#places.get(address) ?? { silent: new Set(), waiting: new Set(), underWay: 0 };
    this.#places.set(address, known);
    return known;
  }

  #consider(address: string, place: Place): void {
    const { silent, waiting, underWay } = place;
    if (waiting.size > 0 && underWay < this.#limits.handshakesPerAddress) this.#ready.add(address);
    else this.#ready.delete(address);
    if (silent.size + waiting.size + underWay === 0) this.#places.delete(address);
  }

  #beginReady(): void {
    while (this.#underWay.size < this.#limits.handshakes) {
      const [address] = this.#ready;
      const place = address === undefined ? undefined : this.#places.get(address);
      if (address === undefined || place === undefined) return;
      const [socket] = place.waiting;
      if (socket === undefined) return;
      place.waiting.delete(socket);
      place.underWay += 1;
      // To the end of the line.
      this.#ready.delete(address);
      this.#consider(address, place);
      this.#sinceMs.delete(socket);
      this.#handshake(address, place, socket);
    }
  }

  #handshake(address: string, place: Place, socket: Socket): void {
    const over = (): void => {
      if (!this.#underWay.delete(socket)) return;
      place.underWay -= 1;
      this.#consider(address, place);
      this.#beginReady();
    };
    this.#underWay.set(socket, over);
    socket.once("close", over);
    this.#begin(socket);
  }
}
