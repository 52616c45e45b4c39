import { createHash, timingSafeEqual } from "node:crypto";

import { pageTokenHeader, sessionCookie } from "@drover/shared/api/session";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { FailureLimit } from "../core/failure-limit.ts";
import { networkOf } from "../core/network-of.ts";
import type { Holder, TokenDigest } from "./access/holder.ts";
import type { ApiLimits } from "./limits.ts";
import { sessionPattern, type Logins, type SessionDigest } from "./logins.ts";

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
  /** Logins, by the id that is a part of what is shown for them. */
  readonly session: (id: string, used: boolean) => SessionDigest | undefined;
  /** Undefined: no identity provider is there to have made any. */
  readonly bearer: Logins["bearer"] | undefined;
  readonly clock: Clock;
  readonly limits: Pick<ApiLimits, "wrongTokens" | "wrongTokensMs">;
}

/** What a request shows of who sends it. */
export interface Shown {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** That a page of the hub has sent it. */
  readonly pageToken: string | undefined;
  readonly method: string;
  /** Where it really comes from. */
  readonly address: string;
}

export interface Authenticator {
  /** Whose token or login it is. Throws `unauthorized`, `forbidden`, and `rate_limited` for one wrong token too many. */
  authenticate(shown: Shown): Promise<Holder>;
  /** Whether that is so still; counts as no attempt, and keeps no login from ending. */
  holds(holder: Holder, authorization: string | undefined): boolean;
}

/**
 * Wrong tokens are counted by the address that they really come from, whatever a header says of it. A right one is never
 * shut out: it cannot be guessed, and a lock would let one client keep out all others behind the same address.
 */
export function createAuthenticator(options: AuthOptions): Authenticator {
  const { clock, limits, session, bearer } = options;
  const wrong = new FailureLimit({ failures: limits.wrongTokens, withinMs: limits.wrongTokensMs });
  const findLogin = (secret: string, kind: SessionDigest["kind"]): SessionDigest | undefined => {
    const id = sessionPattern.exec(secret)?.groups?.["id"];
    const known = id === undefined ? undefined : session(id, false);
    if (id === undefined || known?.kind !== kind || !isSame(known.sha256, secret)) return undefined;
    return session(id, true);
  };
  const findShown = async (token: string): Promise<Holder | undefined> => {
    if (sessionPattern.test(token)) return findLogin(token, "command");
    if (bearer !== undefined && /^[\w-]+\.[\w-]+\.[\w-]+$/u.test(token)) return bearer(token);
    return findToken(token, options);
  };
  const refuse = (shown: Shown, cause?: unknown): DroverError => {
    const now = clock.now();
    const counted = networkOf(shown.address);
    if (!wrong.allows(counted, now)) {
      return new DroverError("rate_limited", "too many wrong tokens came from this address", {
        hint: "wait for five minutes, or use a right one",
      });
    }
    wrong.failed(counted, now);
    if (cause instanceof DroverError) return cause;
    const ended = sessionPattern.test(tokenIn(shown.authorization) ?? "");
    const what = ended ? "your login has ended" : "the hub does not know this token";
    return new DroverError("unauthorized", what, { hint: ended ? "log in again: drover login" : loginHint });
  };
  return {
    async authenticate(shown) {
      const token = tokenIn(shown.authorization);
      if (token !== undefined) {
        try {
          const match = await findShown(token);
          if (match !== undefined) return match;
        } catch (cause) {
          throw cause instanceof DroverError && cause.code === "unauthorized" ? refuse(shown, cause) : cause;
        }
        throw refuse(shown);
      }
      const login = loginIn(shown.cookie);
      if (login === undefined) {
        throw new DroverError("unauthorized", "the request carries no bearer token", { hint: loginHint });
      }
      const match = findLogin(login, "browser");
      if (match === undefined) throw refuse(shown);
      if (!isRead(shown.method) && !isSame(digestOf(pageTokenOf(login)), shown.pageToken ?? "")) {
        throw new DroverError("forbidden", "the request does not come from a page of this hub", {
          hint: `pages send ${pageTokenHeader}, which GET /auth/session tells them`,
        });
      }
      return match;
    },
    holds({ person, expiresAtMs }, authorization) {
      if (person === undefined) return findToken(tokenIn(authorization) ?? "", options) !== undefined;
      return person.session === "" ? expiresAtMs > clock.now() : session(person.session, false) !== undefined;
    },
  };
}

function findToken(
  token: string,
  { tokens, issued, clock }: Pick<AuthOptions, "tokens" | "issued" | "clock">,
): TokenDigest | undefined {
  const id = tokenPattern.exec(token)?.groups?.["id"];
  const known = id === undefined ? undefined : issued(id);
  // Every candidate is compared, so that the time taken says nothing about which one came close.
  const [match] = [...tokens, ...(known === undefined ? [] : [known])].filter(({ sha256 }) => isSame(sha256, token));
  // One that has ended is answered as one that never was.
  return match !== undefined && (match.expiresAtMs === 0 || match.expiresAtMs > clock.now()) ? match : undefined;
}

function isSame(sha256: string, shown: string): boolean {
  return timingSafeEqual(Buffer.from(sha256, "hex"), createHash("sha256").update(shown).digest());
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** What a page shows beside its cookie. It follows from the login, so that it ends with it and nothing has to keep it. */
export function pageTokenOf(login: string): string {
  return createHash("sha256").update(`drover page token ${login}`).digest("base64url");
}

/** What the cookie of a request shows; undefined when there is none, or several of that name. */
export function loginIn(cookie: string | undefined): string | undefined {
  const values = (cookie ?? "").split(";").flatMap((pair) => {
    const [name = "", value = ""] = pair.split("=", 2).map((part) => part.trim());
    return name === sessionCookie ? value : [];
  });
  return values.length === 1 && values[0] !== "" ? values[0] : undefined;
}

/** `drv_`, the id of the record, and the secret. */
export const tokenPattern = /^drv_(?<id>[0-9a-f]{16})_[\w-]{43}$/u;

function tokenIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(?<token>[\w.~+/=-]+)$/iu.exec(authorization ?? "")?.groups?.["token"];
}

const loginHint = "choose a context that holds a token: drover context ls";
