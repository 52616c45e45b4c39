import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { JsonRecord } from "@drover/shared/json";
import { createRemoteJWKSet, customFetch as joseFetch, type JWTVerifyGetKey } from "jose";
import * as oidc from "openid-client";

import type { IdentitySettings } from "../core/access/identity-settings.ts";
import { verifyToken, type TokenRules } from "./verify-token.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface IssuerOptions {
  readonly settings: IdentitySettings;
  /** "" = a client without a secret. */
  readonly clientSecret: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** What only the browser that began a login has. */
export interface CodeChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface DeviceCode {
  /** Never leaves the hub in clear. */
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  /** With the code in it; "" = the issuer has none. */
  readonly verificationUriComplete: string;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
}

/**
 * The organisation's identity provider. Claims are those of tokens whose signature, issuer, audience, type and times were
 * checked. Everything throws `issuer_unreachable` when it does not answer as one, and `unauthorized` when it says no.
 */
export interface Issuer {
  newChecks(): CodeChecks;
  /** Where a browser logs in. */
  authorizationUrl(checks: CodeChecks): Promise<URL>;
  /** `search` is what it sent the browser back with. */
  redeem(search: string, checks: CodeChecks): Promise<JsonRecord>;
  beginDevice(): Promise<DeviceCode>;
  /** Asks once. */
  redeemDevice(deviceCode: string): Promise<JsonRecord | "pending" | "slow_down">;
  /** Of an access token that was made for this hub. */
  accessClaims(token: string): Promise<JsonRecord>;
}

export const callbackPath = "/auth/callback";

const metadataMs = 60 * 60_000;
const loginAgeSeconds = 10 * 60;
/** Identity providers give them for an hour or little more. */
const accessAgeSeconds = 2 * 60 * 60;
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

interface Known {
  readonly client: oidc.Configuration;
  readonly keys: JWTVerifyGetKey;
  readonly atMs: number;
}

/** What every question needs. */
interface Asking {
  readonly settings: IdentitySettings;
  readonly discover: () => Promise<Known>;
  readonly verify: (
    token: string,
    rules: Pick<TokenRules, "audience" | "types" | "maxAgeSeconds">,
  ) => Promise<JsonRecord>;
}

/** Nothing is asked of the issuer before somebody logs in, so that a hub starts without it. */
export function createIssuer(options: IssuerOptions): Issuer {
  const { settings, clock } = options;
  let known: Promise<Known> | undefined;
  const discover = async (): Promise<Known> => {
    const found = await known?.catch(() => undefined);
    if (found !== undefined && clock.now() - found.atMs < metadataMs) return found;
    known = readMetadata(options);
    return known;
  };
  const verify: Asking["verify"] = async (token, rules) => {
    const { keys } = await discover();
    const { issuer, algorithms } = settings;
    return verifyToken(token, { ...rules, issuer, algorithms, keys, now: clock.now() });
  };
  const parts = { settings, discover, verify };
  return {
    ...browserCalls(parts),
    ...deviceCalls(parts),
    async accessClaims(token) {
      const { audience, tokenType } = settings;
      if (audience === "") throw new DroverError("unauthorized", "this hub takes no access tokens");
      const types = tokenType === "jwt" ? ["", "jwt"] : [tokenType];
      return asking(async () => verify(token, { audience, types, maxAgeSeconds: accessAgeSeconds }));
    },
  };
}

function browserCalls(parts: Asking): Pick<Issuer, "newChecks" | "authorizationUrl" | "redeem"> {
  const { settings, discover } = parts;
  const redirectUri = `${settings.publicUrl}${callbackPath}`;
  return {
    newChecks: () => ({
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
    }),
    authorizationUrl: async ({ state, nonce, verifier }) =>
      asking(async () =>
        oidc.buildAuthorizationUrl((await discover()).client, {
          redirect_uri: redirectUri,
          scope: settings.scopes.join(" "),
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
          state,
          nonce,
        }),
      ),
    redeem: async (search, { state, nonce, verifier }) =>
      asking(async () => {
        const { client } = await discover();
        const checks = {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        };
        const answer = await oidc.authorizationCodeGrant(client, new URL(redirectUri + search), checks);
        return idClaims(parts, answer.id_token);
      }),
  };
}

function deviceCalls(parts: Asking): Pick<Issuer, "beginDevice" | "redeemDevice"> {
  const { settings, discover } = parts;
  return {
    beginDevice: async () =>
      asking(async () => {
        const { client } = await discover();
        return deviceOf(await oidc.initiateDeviceAuthorization(client, { scope: settings.scopes.join(" ") }));
      }),
    redeemDevice: async (deviceCode) =>
      asking(async () => {
        const { client } = await discover();
        try {
          const answer = await oidc.genericGrantRequest(client, deviceGrant, { device_code: deviceCode });
          return await idClaims(parts, answer.id_token);
        } catch (cause) {
          const error = cause instanceof oidc.ResponseBodyError ? cause.error : undefined;
          if (error === "authorization_pending") return "pending";
          if (error === "slow_down") return "slow_down";
          throw cause;
        }
      }),
  };
}

/** Of a token that says who logged in, and was made for this hub alone. */
async function idClaims({ settings, verify }: Asking, token: string | undefined): Promise<JsonRecord> {
  if (token === undefined) throw refused("it does not say who logs in");
  const { clientId } = settings;
  const claims = await verify(token, { audience: clientId, types: ["", "jwt"], maxAgeSeconds: loginAgeSeconds });
  const { aud, azp = clientId } = claims;
  if (azp !== clientId || (Array.isArray(aud) && aud.length > 1)) throw refused("its token is for others as well");
  return claims;
}

async function readMetadata({ settings, clientSecret, fetch, clock }: IssuerOptions): Promise<Known> {
  const authentication = clientSecret === "" ? oidc.None() : withSecret(clientSecret);
  const local = settings.issuer.startsWith("http:") ? { execute: [oidc.allowInsecureRequests] } : {};
  const client = await oidc.discovery(
    new URL(settings.issuer),
    settings.clientId,
    { [oidc.clockTolerance]: 60 },
    authentication,
    { [oidc.customFetch]: fetch as oidc.CustomFetch, ...local },
  );
  const { jwks_uri: keysAt, issuer } = client.serverMetadata();
  if (keysAt === undefined || issuer !== settings.issuer)
    throw unusable("its metadata names another issuer, or no keys");
  const bounds = { cooldownDuration: 30_000, cacheMaxAge: 10 * 60_000, timeoutDuration: 5_000 };
  const keys = createRemoteJWKSet(new URL(keysAt), { ...bounds, [joseFetch]: fetch });
  return { client, keys, atMs: clock.now() };
}

/** In the header, as RFC 6749 wants it of every server, unless this one takes it only in the body. */
function withSecret(secret: string): oidc.ClientAuth {
  const [header, body] = [oidc.ClientSecretBasic(secret), oidc.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (methods.includes("client_secret_basic") ? header : body)(server, ...rest);
  };
}

function deviceOf(answer: Awaited<ReturnType<typeof oidc.initiateDeviceAuthorization>>): DeviceCode {
  const { device_code, user_code, verification_uri, verification_uri_complete = "", expires_in, interval = 5 } = answer;
  for (const address of [verification_uri, verification_uri_complete]) {
    const isWeb = URL.canParse(address) && /^https?:$/u.test(new URL(address).protocol);
    if (address !== "" && !isWeb) throw unusable("it sends people to what is no address");
  }
  return {
    deviceCode: device_code,
    userCode: user_code,
    verificationUri: verification_uri,
    verificationUriComplete: verification_uri_complete,
    expiresInSeconds: Math.min(Math.max(expires_in, 1), 30 * 60),
    intervalSeconds: Math.min(Math.max(interval, 1), 60),
  };
}

/** Gives every failure one of two codes. Neither what it says by itself nor what was sent to it is passed on. */
async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw explain(cause);
  }
}

function explain(cause: unknown): DroverError {
  if (cause instanceof DroverError) {
    const { code, message } = cause;
    return code === "unauthorized" || code === "issuer_unreachable" ? cause : unusable(message, cause);
  }
  if (cause instanceof oidc.ResponseBodyError || cause instanceof oidc.AuthorizationResponseError)
    return refused(`it answered ${cause.error.replaceAll(/[^\w.-]/gu, "").slice(0, 64)}`, cause);
  if (cause instanceof oidc.ClientError && cause.cause instanceof DroverError) return explain(cause.cause);
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  // Of the answer that the browser brought, or of what was signed: not of the server.
  if (code.startsWith("OAUTH_JWT") || code === "OAUTH_INVALID_RESPONSE")
    return refused("its answer does not fit the login", cause);
  return unusable("it does not answer as an OpenID provider", cause);
}

function refused(why: string, cause?: unknown): DroverError {
  const hint = "log in again";
  return new DroverError("unauthorized", `the identity provider did not let you in: ${why}`, { hint, cause });
}

function unusable(why: string, cause?: unknown): DroverError {
  const hint = "who is logged in stays so; the hub's log says more";
  return new DroverError("issuer_unreachable", `nobody can log in now: ${why}`, { hint, cause });
}
