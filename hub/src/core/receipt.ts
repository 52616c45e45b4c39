import type { Digest } from "@drover/shared/digest";

/** That a request with a key of its client's was decided, and what it was answered. */
export interface Receipt {
  /** Hash of who asked and their key. */
  readonly id: Digest;
  /** Hash of what was asked. */
  readonly request: Digest;
  readonly atMs: number;
  /** Sealed with the key, which the hub does not keep; "" = not known yet, or any more. */
  readonly answer: string;
}

/** How long one is kept. */
export const receiptLifeMs = 24 * 3_600_000;
