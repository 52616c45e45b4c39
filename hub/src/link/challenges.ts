import { randomBytes } from "node:crypto";

/** Nonces that were given out and not shown yet. Each is good once, for a minute. */
export class Challenges {
  readonly #issued = new Map<string, number>();
  readonly #most: number;

  constructor(most = 10_000) {
    this.#most = most;
  }

  issue(now: number): Uint8Array {
    const nonce = randomBytes(32);
    this.#issued.set(nonce.toString("base64url"), now);
    const [oldest] = this.#issued.keys();
    if (this.#issued.size > this.#most && oldest !== undefined) this.#issued.delete(oldest);
    return nonce;
  }

  /** Whether the nonce was good; it is not any more. */
  take(nonce: Uint8Array, now: number): boolean {
    const key = Buffer.from(nonce).toString("base64url");
    const issuedMs = this.#issued.get(key);
    this.#issued.delete(key);
    return issuedMs !== undefined && now - issuedMs < 60_000;
  }
}
