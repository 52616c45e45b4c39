import type { Role } from "@drover/shared/api/access";

import type { Principal } from "../../core/access/principal.ts";
import type { ActingPerson } from "../../core/audit.ts";

/** Who a request comes from, and what that token or login is for. */
export interface Holder {
  /** Of the token, or of the person: that has an `@`, which no token has. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
  /** 0 = never. */
  readonly expiresAtMs: number;
  /** Absent for tokens. */
  readonly person?: ActingPerson;
  /** The person who answers for what is done with it: who logged in, or made the token. Absent for tokens of nobody. */
  readonly principal?: Principal;
}

/** Nobody: what a request has before its token was looked at. */
export const nobody: Holder = { name: "", roles: [], scope: "", expiresAtMs: 0 };

/** A token as the hub keeps it: never the token itself. */
export interface TokenDigest extends Holder {
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
}
