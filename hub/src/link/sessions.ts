import type { LinkLimits } from "./limits.ts";
import type { Session, SessionEnd } from "./session.ts";

/** Who is connected: at most one session a cluster, the newest. */
export class Sessions {
  readonly #open = new Map<string, Session>();
  /** Before their hello, and after their end until the stream is closed: when each has to be gone. */
  readonly #deadlines = new Map<Session, number>();
  readonly #limits: LinkLimits;
  readonly #disconnected: (cluster: string, end: SessionEnd) => void;

  constructor(limits: LinkLimits, disconnected: (cluster: string, end: SessionEnd) => void) {
    this.#limits = limits;
    this.#disconnected = disconnected;
  }

  /** How many streams have ended and are not closed. */
  get ending(): number {
    return this.#deadlines.size;
  }

  find(cluster: string): Session | undefined {
    return this.#open.get(cluster);
  }

  /** A stream began and has not said hello. */
  begin(session: Session): void {
    this.#deadlines.set(session, session.openedMs + this.#limits.helloTimeoutMs);
  }

  /** The agent said hello: from now on this is the session of its cluster. */
  open(session: Session): void {
    const older = this.#open.get(session.cluster);
    if (older !== undefined)
      this.end(older, { graceful: false, reason: "superseded by a newer connection" }, session.openedMs);
    this.#deadlines.delete(session);
    this.#open.set(session.cluster, session);
  }

  /** The handler did not want the session: as if it had never been opened. */
  withdraw(session: Session): void {
    if (this.#open.get(session.cluster) === session) this.#open.delete(session.cluster);
  }

  /** The session counts as gone from now on, and its stream is given a moment to deliver the goodbye. */
  end(session: Session, end: SessionEnd, now: number): void {
    if (session.ended !== undefined) return;
    session.end(end);
    this.#deadlines.set(session, now + this.#limits.goodbyeMs);
    if (this.#open.get(session.cluster) !== session) return;
    this.#open.delete(session.cluster);
    this.#disconnected(session.cluster, end);
  }

  /** The stream is closed. */
  closed(session: Session): void {
    this.#deadlines.delete(session);
  }

  endAll(end: SessionEnd, now: number): void {
    for (const session of [...this.#open.values(), ...this.#deadlines.keys()]) this.end(session, end, now);
  }

  /** Ends silent sessions, and the connections of those that did not come or go in time. */
  sweep(now: number): void {
    for (const session of this.#open.values()) {
      const silentMs = now - session.heardMs;
      if (silentMs < this.#limits.silenceMs) continue;
      this.end(session, { graceful: false, reason: `not heard from for ${Math.round(silentMs / 1000)} s` }, now);
    }
    for (const [session, deadline] of this.#deadlines) if (now >= deadline) session.destroy();
  }

  /** The hub itself stood still, suspended or overloaded: what the agents said meanwhile may not have been read yet. */
  forgive(now: number): void {
    for (const session of this.#open.values()) session.heardMs = now;
  }
}
