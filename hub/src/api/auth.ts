import { createHash, timingSafeEqual } from "node:crypto";

import { DroverError } from "@drover/shared/errors";

/** A token as the hub keeps it: never the token itself. */
export interface TokenDigest {
  /** Who holds it: goes into logs and counts that holder's streams. */
  readonly name: string;
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
}

/** Tokens are 256 random bits, so one round of SHA-256 is enough: there is nothing to guess by dictionary. */
export function tokenDigest(name: string, token: string): TokenDigest {
  return { name, sha256: createHash("sha256").update(token).digest("hex") };
}

/** Returns the name of the token that an `Authorization` header carries. Throws `unauthorized`. */
export function createAuthenticator(
  tokens: readonly TokenDigest[],
): (authorization: string | undefined) => { readonly name: string } {
  const known = tokens.map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, "hex") }));
  return (authorization) => {
    const token = /^Bearer +(?<token>[\w.~+/=-]+)$/iu.exec(authorization ?? "")?.groups?.["token"];
    if (token === undefined) {
      throw new DroverError("unauthorized", "the request carries no bearer token", { hint: loginHint });
    }
    const digest = createHash("sha256").update(token).digest();
    // Every token is compared, so that the time taken says nothing about which one came close.
    const matches = known.filter((candidate) => timingSafeEqual(candidate.digest, digest));
    const [match] = matches;
    if (match === undefined) {
      throw new DroverError("unauthorized", "the hub does not know this token", { hint: loginHint });
    }
    return { name: match.name };
  };
}

const loginHint = "choose a context that holds a token: drover context ls";
