import type { DeviceLogin } from "@drover/shared/api/session";

import type { Grant } from "../core/access/identity-settings.ts";
import type { Person } from "../core/access/person.ts";
import type { Holder } from "./access/holder.ts";

/** A login as the hub keeps it: never what is shown for it. */
export interface SessionDigest extends Holder {
  readonly kind: "browser" | "command";
  /** SHA-256 of what is shown for it, in hex. */
  readonly sha256: string;
}

/** Somebody whom the identity provider vouches for, with what they may do. */
export interface KnownPerson extends Person {
  readonly grant: Pick<Grant, "roles" | "scope">;
}

export interface NewSession {
  readonly person: KnownPerson;
  readonly kind: SessionDigest["kind"];
  /** Id of the login that this one is in the place of; "" = of none. */
  readonly follows: string;
}

export interface SessionSecret {
  readonly id: string;
  readonly secret: string;
  readonly expiresAtMs: number;
}

/**
 * Logging in with the organisation's identity provider. Everything throws `issuer_unreachable` while that is away,
 * `unauthorized` when it says no, and `forbidden` for people whom no grant is for.
 */
export interface Logins {
  /** Where a browser is to go; what it shows when it comes back, with the ticket that it has until then. */
  begin(returnTo: string): Promise<{ readonly location: string; readonly ticket: string }>;
  /** `search` is what it came back with. */
  finish(search: string, ticket: string): Promise<{ readonly person: KnownPerson; readonly returnTo: string }>;
  beginDevice(): Promise<DeviceLogin>;
  finishDevice(ticket: string): Promise<KnownPerson | "pending" | "slow_down">;
  /** Whose an access token is that the issuer made for this hub. */
  bearer(token: string): Promise<Holder>;
}

/** `drs_`, the id of the record, and the secret: apart from tokens, so that none is ever taken for the other. */
export const sessionPattern = /^drs_(?<id>[0-9a-f]{16})_[\w-]{43}$/u;
