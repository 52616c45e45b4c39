import { createHash, timingSafeEqual } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { FailureLimit } from "../core/failure-limit.ts";
import { networkOf } from "../core/network-of.ts";
import type { Holder, TokenDigest } from "./access/holder.ts";
import type { ApiLimits } from "./limits.ts";

/** Tokens are 256 random bits, so one round of SHA-256 is enough: there is nothing to guess by dictionary. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A token that may do everything, always. */
export function ownerToken(name: string, token: string): TokenDigest {
  return { name, sha256: digestOf(token), roles: ["owner"], scope: "", expiresAtMs: 0 };
}

export interface AuthOptions {
  /** Those that are there from the start. */
  readonly tokens: readonly TokenDigest[];
  /** Those that people made, by the id that is a part of them. */
  readonly issued: (id: string) => TokenDigest | undefined;
  readonly clock: Clock;
  readonly limits: Pick<ApiLimits, "wrongTokens" | "wrongTokensMs">;
}

export interface Authenticator {
  /** Whose token an `Authorization` header carries. Throws `unauthorized`, and `rate_limited` for one wrong token too many. */
  authenticate(authorization: string | undefined, address: string): Holder;
  /** Whether that is so still; counts as no attempt. */
  holds(authorization: string | undefined): boolean;
}

/**
 * Wrong tokens are counted by the address that they really come from, whatever a header says of it. A right one is never
 * shut out: it cannot be guessed, and a lock would let one client keep out all others behind the same address.
 */
export function createAuthenticator({ tokens, issued, clock, limits }: AuthOptions): Authenticator {
  const wrong = new FailureLimit({ failures: limits.wrongTokens, withinMs: limits.wrongTokensMs });
  const find = (token: string): TokenDigest | undefined => {
    const id = tokenPattern.exec(token)?.groups?.["id"];
    const known = id === undefined ? undefined : issued(id);
    const digest = createHash("sha256").update(token).digest();
    // Every candidate is compared, so that the time taken says nothing about which one came close.
    const [match] = [...tokens, ...(known === undefined ? [] : [known])].filter(({ sha256 }) =>
      timingSafeEqual(Buffer.from(sha256, "hex"), digest),
    );
    // One that has ended is answered as one that never was.
    return match !== undefined && (match.expiresAtMs === 0 || match.expiresAtMs > clock.now()) ? match : undefined;
  };
  return {
    authenticate(authorization, address) {
      const token = tokenIn(authorization);
      if (token === undefined) {
        throw new DroverError("unauthorized", "the request carries no bearer token", { hint: loginHint });
      }
      const match = find(token);
      if (match !== undefined) return match;
      const now = clock.now();
      const counted = networkOf(address);
      if (!wrong.allows(counted, now)) {
        throw new DroverError("rate_limited", "too many wrong tokens came from this address", {
          hint: "wait for five minutes, or use a right one",
        });
      }
      wrong.failed(counted, now);
      throw new DroverError("unauthorized", "the hub does not know this token", { hint: loginHint });
    },
    holds(authorization) {
      const token = tokenIn(authorization);
      return token !== undefined && find(token) !== undefined;
    },
  };
}

/** `drv_`, the id of the record, and the secret. */
export const tokenPattern = /^drv_(?<id>[0-9a-f]{16})_[\w-]{43}$/u;

function tokenIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(?<token>[\w.~+/=-]+)$/iu.exec(authorization ?? "")?.groups?.["token"];
}

const loginHint = "choose a context that holds a token: drover context ls";
