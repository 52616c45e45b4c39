import { createHash, timingSafeEqual } from "node:crypto";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { Holder } from "./access/guard.ts";

/** A token as the hub keeps it: never the token itself. */
export interface TokenDigest extends Holder {
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  /** 0 = never. */
  readonly expiresAtMs: number;
}

/** Tokens are 256 random bits, so one round of SHA-256 is enough: there is nothing to guess by dictionary. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A token that may do everything, always. */
export function ownerToken(name: string, token: string): TokenDigest {
  return { name, sha256: digestOf(token), roles: ["owner"], scope: "", expiresAtMs: 0 };
}

/** Returns whose token an `Authorization` header carries. Throws `unauthorized`. */
export function createAuthenticator(
  tokens: readonly TokenDigest[],
  clock: Clock,
): (authorization: string | undefined) => Holder {
  const known = tokens.map((token) => ({ token, digest: Buffer.from(token.sha256, "hex") }));
  return (authorization) => {
    const text = /^Bearer +(?<token>[\w.~+/=-]+)$/iu.exec(authorization ?? "")?.groups?.["token"];
    if (text === undefined) {
      throw new DroverError("unauthorized", "the request carries no bearer token", { hint: loginHint });
    }
    const digest = createHash("sha256").update(text).digest();
    // Every token is compared, so that the time taken says nothing about which one came close.
    const [match] = known.filter((candidate) => timingSafeEqual(candidate.digest, digest));
    // One that has ended is answered as one that never was.
    if (match === undefined || hasEnded(match.token, clock)) {
      throw new DroverError("unauthorized", "the hub does not know this token", { hint: loginHint });
    }
    return match.token;
  };
}

function hasEnded({ expiresAtMs }: TokenDigest, clock: Clock): boolean {
  return expiresAtMs !== 0 && expiresAtMs <= clock.now();
}

const loginHint = "choose a context that holds a token: drover context ls";
