import type { Role } from "@drover/shared/api/access";

/** Who a request comes from, and what that token is for. */
export interface Holder {
  /** Of the token. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
  /** 0 = never. */
  readonly expiresAtMs: number;
}

/** Nobody: what a request has before its token was looked at. */
export const nobody: Holder = { name: "", roles: [], scope: "", expiresAtMs: 0 };

/** A token as the hub keeps it: never the token itself. */
export interface TokenDigest extends Holder {
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
}
