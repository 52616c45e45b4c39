import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

import { DroverError } from "../errors.ts";

/** What an administrator carries from the hub to a new agent: `drv1.<id>.<secret>.<pin>` (security-reliability §2.1). */
export interface JoinToken {
  /** Not secret: names the token in the hub's store, in lists and in logs. */
  readonly id: string;
  readonly secret: string;
  /** `spkiPin` of the hub's authority: the agent trusts no other hub with the secret. */
  readonly pin: string;
}

export type RandomBytes = (size: number) => Uint8Array;

const pattern = /^drv1\.(?<id>[\w-]{11})\.(?<secret>[\w-]{43})\.(?<pin>[\w-]{43})$/u;

export function createJoinToken(pin: string, random: RandomBytes = randomBytes): JoinToken {
  return { id: base64url(random(8)), secret: base64url(random(32)), pin };
}

export function formatJoinToken(token: JoinToken): string {
  return `drv1.${token.id}.${token.secret}.${token.pin}`;
}

/** Throws `join_refused` for anything that `formatJoinToken` did not write; the text is not repeated in the error. */
export function parseJoinToken(text: string): JoinToken {
  const { id, secret, pin } = pattern.exec(text.trim())?.groups ?? {};
  if (id === undefined || secret === undefined || pin === undefined) {
    throw new DroverError("join_refused", "the join token is not of the form drv1.<id>.<secret>.<pin>", {
      hint: "run `drover join NAME` and use the token that it prints, whole",
    });
  }
  return { id, secret, pin };
}

/** The only form of the secret that a hub stores: hex SHA-256. The secret is 32 random bytes, so no salt is needed. */
export function hashJoinSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Takes the same time whether they differ at the start or at the end. */
export function matchesJoinSecret(secret: string, storedHash: string): boolean {
  const actual = Buffer.from(hashJoinSecret(secret));
  const stored = Buffer.from(storedHash);
  return actual.byteLength === stored.byteLength && timingSafeEqual(actual, stored);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
