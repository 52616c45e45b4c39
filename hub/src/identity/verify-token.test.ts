import { createHmac } from "node:crypto";

import { CompactEncrypt, createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, SignJWT, CompactSign } from "jose";
import { beforeAll, describe, expect, test } from "vitest";

import { readPerson } from "../core/access/person.ts";
import { verifyToken, type TokenRules } from "./verify-token.ts";

const issuer = "https://id.example.com";
const audience = "drover-api";
const nowSeconds = 1_800_000_000;
const good = { iss: issuer, aud: audience, sub: "ana", iat: nowSeconds - 10, exp: nowSeconds + 300, groups: ["ops"] };
const settings = { issuer, groupsClaim: "groups", nameClaim: "preferred_username" };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: Keys;
let other: Keys;
let elliptic: Keys;
let rules: TokenRules;
let publicPem = "";
let publicJwk: object = {};

beforeAll(async () => {
  keys = await generateKeyPair("RS256", { extractable: true });
  other = await generateKeyPair("RS256", { extractable: true });
  elliptic = await generateKeyPair("ES256");
  publicPem = await exportSPKI(keys.publicKey);
  publicJwk = await exportJWK(keys.publicKey);
  const jwks = createLocalJWKSet({ keys: [{ ...publicJwk, kid: "k1", alg: "RS256", use: "sig" }] });
  rules = {
    issuer,
    audience,
    algorithms: ["RS256", "PS256", "ES256"],
    types: ["at+jwt"],
    maxAgeSeconds: 3600,
    keys: jwks,
    now: nowSeconds * 1000,
  };
});

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const head = { alg: "RS256", typ: "at+jwt", kid: "k1" };

/** Signed for real, whatever the header and the payload are. */
async function signed(payload: unknown, header: Record<string, unknown> = {}, key = keys.privateKey): Promise<string> {
  if (Object.keys(header).some((name) => ["crit", "b64", "zip"].includes(name)))
    return raw({ ...head, ...header }, payload);
  const bytes = new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
  return new CompactSign(bytes).setProtectedHeader({ ...head, ...header }).sign(key);
}

/** With a real signature over exactly these letters, which no library would make. */
async function raw(header: unknown, payload: unknown): Promise<string> {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", keys.privateKey, new TextEncoder().encode(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

const withHmac = (key: string | Buffer, alg = "HS256"): string => {
  const input = `${encode({ ...head, alg })}.${encode(good)}`;
  return `${input}.${createHmac(alg.replace("HS", "sha"), key).update(input).digest("base64url")}`;
};

const unsigned = (header: unknown, payload: unknown = good, signature = ""): string =>
  `${encode(header)}.${encode(payload)}.${signature}`;

async function without(claim: keyof typeof good): Promise<string> {
  const { [claim]: _gone, ...rest } = good;
  return signed(rest);
}

const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const doubled = (extra: string): string => JSON.stringify(good).replace("{", `{${extra},`);
const attackers = async () => ({ ...(await exportJWK(other.publicKey)), kid: "k1" });

/** What each is, and how it is made. Every one of them is refused. */
const hostile: Readonly<Record<string, () => string | Promise<string>>> = {
  empty: () => "",
  "one dot": () => ".",
  "two dots": () => "..",
  "four parts": async () => `${await signed(good)}.x`,
  "an encrypted token": async () =>
    new CompactEncrypt(new TextEncoder().encode(JSON.stringify(good)))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
      .encrypt(
        await crypto.subtle.importKey(
          "jwk",
          { ...publicJwk, alg: "RSA-OAEP-256" },
          { name: "RSA-OAEP", hash: "SHA-256" },
          false,
          ["encrypt"],
        ),
      ),
  "no signature": () => unsigned(head),
  "alg none": () => unsigned({ ...head, alg: "none" }),
  "alg None": () => unsigned({ ...head, alg: "None" }),
  "alg nOnE with a signature": async () => unsigned({ ...head, alg: "nOnE" }, good, (await signed(good)).split(".")[2]),
  "alg NONE": () => unsigned({ ...head, alg: "NONE" }),
  "alg empty": () => unsigned({ ...head, alg: "" }, good, "AA"),
  "alg null": () => unsigned({ ...head, alg: null }, good, "AA"),
  "alg a list": () => unsigned({ ...head, alg: ["RS256"] }, good, "AA"),
  "alg a number": () => unsigned({ ...head, alg: 256 }, good, "AA"),
  "alg missing": () => unsigned({ typ: "at+jwt", kid: "k1" }, good, "AA"),
  "alg rs256 in small letters": async () => raw({ ...head, alg: "rs256" }, good),
  "alg with a blank": async () => raw({ ...head, alg: "RS256 " }, good),
  "HS256 with the public key as PEM": () => withHmac(publicPem),
  "HS256 with the public key as PEM without its last line break": () => withHmac(publicPem.trim()),
  "HS256 with the public key as JWK": () => withHmac(JSON.stringify(publicJwk)),
  "HS256 with an empty key": () => withHmac(""),
  "HS384 with the public key": () => withHmac(publicPem, "HS384"),
  "HS512 with the public key": () => withHmac(publicPem, "HS512"),
  "RS512, which is not taken": async () => signed(good, { alg: "RS512" }, (await generateKeyPair("RS512")).privateKey),
  "PS256 said of an RS256 signature": async () => raw({ ...head, alg: "PS256" }, good),
  "ES256 with a key of nobody": async () => signed(good, { alg: "ES256" }, elliptic.privateKey),
  "ES256 with a signature of zeros": () =>
    unsigned({ ...head, alg: "ES256" }, good, Buffer.alloc(64).toString("base64url")),
  "another's key under the same kid": async () => signed(good, {}, other.privateKey),
  "another's key, inside as jwk": async () => signed(good, { jwk: await attackers() }, other.privateKey),
  "another's key, behind jku": async () => signed(good, { jku: "https://evil.example.com/jwks" }, other.privateKey),
  "another's key, behind x5u": async () => signed(good, { x5u: "https://evil.example.com/cert" }, other.privateKey),
  "another's key, inside as x5c": async () => signed(good, { x5c: ["MIIB"] }, other.privateKey),
  "kid of no key": async () => signed(good, { kid: "k2" }),
  "kid a path": async () => signed(good, { kid: "../../../../dev/null" }, other.privateKey),
  "kid SQL": async () => signed(good, { kid: "k1' UNION SELECT 'AA" }, other.privateKey),
  "kid a command": async () => signed(good, { kid: "k1|sleep 9" }, other.privateKey),
  "kid with NUL": async () => signed(good, { kid: "k1\u0000" }, other.privateKey),
  "kid __proto__": async () => signed(good, { kid: "__proto__" }),
  "kid a number": async () => raw({ ...head, kid: 1 }, good),
  "kid a map": async () => raw({ ...head, kid: { toString: "k1" } }, good),
  "kid a list": async () => raw({ ...head, kid: ["k1"] }, good),
  "kid of 10,000 letters": async () => signed(good, { kid: "k".repeat(10_000) }),
  "crit of nothing known": async () => signed(good, { crit: ["drover"], drover: 1 }),
  "crit empty": async () => signed(good, { crit: [] }),
  "b64 false": async () => signed(good, { b64: false, crit: ["b64"] }),
  zip: async () => signed(good, { zip: "DEF" }),
  "cty JWT": async () => signed(good, { cty: "JWT" }),
  "a token in a token": async () => signed(await signed(good), { cty: "JWT" }),
  "a token as the payload": async () => signed(JSON.stringify(await signed(good))),
  "typ of an ID token": async () => signed(good, { typ: "JWT" }),
  "typ of a logout token": async () => signed(good, { typ: "logout+jwt" }),
  "typ of an invitation": async () => signed(good, { typ: "dpop+jwt" }),
  "typ missing": async () => raw({ alg: "RS256", kid: "k1" }, good),
  "typ a list": async () => raw({ ...head, typ: ["at+jwt"] }, good),
  "typ null": async () => raw({ ...head, typ: null }, good),
  "another issuer": async () => signed({ ...good, iss: "https://evil.example.com" }),
  "the issuer with a slash": async () => signed({ ...good, iss: `${issuer}/` }),
  "the issuer in capitals": async () => signed({ ...good, iss: issuer.toUpperCase() }),
  "the issuer as the beginning": async () => signed({ ...good, iss: `${issuer}.evil.example` }),
  "the issuer in a list": async () => signed({ ...good, iss: [issuer] }),
  "the issuer with a look-alike letter": async () => signed({ ...good, iss: "https://\u0456d.example.com" }),
  "issuer missing": async () => without("iss"),
  "another audience": async () => signed({ ...good, aud: "drover-web" }),
  "the audience as the beginning": async () => signed({ ...good, aud: "drover-api-2" }),
  "the audience in capitals": async () => signed({ ...good, aud: "DROVER-API" }),
  "no audience in a list": async () => signed({ ...good, aud: [] }),
  "the audience in a list in a list": async () => signed({ ...good, aud: [[audience]] }),
  "the audience as a map": async () => signed({ ...good, aud: { [audience]: true } }),
  "audience *": async () => signed({ ...good, aud: "*" }),
  "audience null": async () => signed({ ...good, aud: null }),
  "audience missing": async () => without("aud"),
  ended: async () => signed({ ...good, exp: nowSeconds - 61 }),
  "exp missing": async () => without("exp"),
  "exp as text": async () => signed({ ...good, exp: String(nowSeconds + 300) }),
  "exp negative": async () => signed({ ...good, exp: -1 }),
  "exp beyond all numbers": async () => raw(head, JSON.stringify(good).replace(/"exp":\d+/u, '"exp":1e999')),
  "exp in ms": async () => signed({ ...good, exp: nowSeconds * 1000 }),
  "exp null": async () => signed({ ...good, exp: null }),
  "not yet": async () => signed({ ...good, nbf: nowSeconds + 61 }),
  "nbf as text": async () => signed({ ...good, nbf: "0" }),
  "made in the future": async () => signed({ ...good, iat: nowSeconds + 61 }),
  "made too long ago": async () => signed({ ...good, iat: nowSeconds - 3661 }),
  "iat missing": async () => without("iat"),
  "iat true": async () => signed({ ...good, iat: true }),
  "sub missing": async () => without("sub"),
  "sub empty": async () => signed({ ...good, sub: "" }),
  "sub blank": async () => signed({ ...good, sub: " " }),
  "sub null": async () => signed({ ...good, sub: null }),
  "sub a number": async () => signed({ ...good, sub: 1 }),
  "sub a list": async () => signed({ ...good, sub: ["ana"] }),
  "sub with a line break": async () => signed({ ...good, sub: "ana\nadmin" }),
  "sub of other letters": async () => signed({ ...good, sub: "\u0430na" }),
  "sub turned around": async () => signed({ ...good, sub: "\u202eana" }),
  "sub of half a letter": async () => raw(head, JSON.stringify(good).replace('"ana"', '"\\ud800"')),
  "sub of 256 letters": async () => signed({ ...good, sub: "a".repeat(256) }),
  "groups as text": async () => signed({ ...good, groups: "ops" }),
  "groups as a map": async () => signed({ ...good, groups: { ops: true } }),
  "groups of numbers": async () => signed({ ...good, groups: [0] }),
  "groups null": async () => signed({ ...good, groups: null }),
  "groups elsewhere": async () => signed({ ...good, groups: undefined, _claim_names: { groups: "src1" } }),
  "groups left out": async () => signed({ ...good, groups: undefined, hasgroups: true }),
  "no claims": async () => signed({}),
  "claims as a list": async () => signed([good]),
  "claims as text": async () => signed('"ana"'),
  "claims null": async () => signed("null"),
  "claims nothing": async () => signed(""),
  "claims not JSON": async () => signed("sub: ana"),
  "claims JSON and more": async () => signed(`${JSON.stringify(good)} {}`),
  "claims JSON with a remark": async () => signed(`${JSON.stringify(good)} # ana`),
  "sub twice": async () => signed(doubled('"sub":"admin"')),
  "aud twice": async () => signed(doubled('"aud":"other"')),
  "exp twice": async () => signed(doubled('"exp":1')),
  "sub twice, once written otherwise": async () => signed(doubled('"\\u0073ub":"admin"')),
  "groups twice": async () => signed(doubled('"groups":["admins"]')),
  "alg twice": async () => raw('{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"k1"}', good),
  "__proto__ with claims": async () => signed(`{"__proto__":${JSON.stringify(good)}}`),
  "claims deeper than 8": async () => signed(doubled(`"deep":${deep(40)}`)),
  "claims of 10,000 levels": async () => signed(doubled(`"deep":${deep(5_000)}`)),
  "claims of 6,000 parts": async () => signed(doubled(`"many":[${"1,".repeat(6_000)}1]`)),
  "claims of 1 MiB": async () => signed({ ...good, more: "x".repeat(1024 * 1024) }),
  "claims in Latin-1": () => `${encode(head)}.${Buffer.from('{"sub":"\xe9"}', "latin1").toString("base64url")}.AA`,
  "a byte order mark": async () => signed(`\ufeff${JSON.stringify(good)}`),
  "base64 with padding": async () => (await signed(good)).replace(".", "=."),
  "base64 of the other kind": async () => `${await signed(good)}+/`,
  "bits left over in the header": async () => (await signed(good)).replace(/^(?<most>[^.]*)[^.]\./u, "$<most>-."),
  "a line break inside": async () => (await signed(good)).replace(".", ".\n"),
  "a blank in front": async () => ` ${await signed(good)}`,
  "NUL at the end": async () => `${await signed(good)}\0`,
  "a changed claim": async () => {
    const [first = "", , last = ""] = (await signed(good)).split(".");
    return `${first}.${encode({ ...good, sub: "admin" })}.${last}`;
  },
  "a changed header": async () => {
    const [, ...rest] = (await signed(good)).split(".");
    return [encode({ ...head, x: 1 }), ...rest].join(".");
  },
  "the signature cut": async () => (await signed(good)).slice(0, -8),
  "the signature of another token": async () =>
    `${unsigned(head)}${(await signed({ ...good, sub: "bo" })).split(".")[2]}`,
};

async function take(token: string): Promise<unknown> {
  return readPerson(await verifyToken(token, rules), settings);
}

describe("T12: a token of the identity provider", () => {
  test("is taken when it is what it has to be", async () => {
    expect(await take(await new SignJWT(good).setProtectedHeader(head).sign(keys.privateKey))).toMatchObject({
      issuer,
      subject: "ana",
      groups: ["ops"],
    });
    for (const ok of [
      signed({ ...good, aud: ["other", audience] }),
      signed({ ...good, exp: nowSeconds - 59 }),
      signed({ ...good, nbf: nowSeconds + 59, iat: nowSeconds + 59 }),
      signed(good, { typ: "application/AT+JWT" }),
      signed(good, { jku: "https://evil.example.com/jwks" }),
    ])
      expect(await take(await ok)).toMatchObject({ subject: "ana" });
  });

  test("there are at least 80 hostile ones", () => expect(Object.keys(hostile).length).toBeGreaterThanOrEqual(80));

  test.each(Object.keys(hostile))("is refused: %s", async (name) => {
    const token = (await hostile[name]?.()) ?? expect.unreachable();
    await expect(take(token)).rejects.toMatchObject({ code: "unauthorized" });
    expect(Object.hasOwn(Object.prototype, "sub")).toBe(false);
  });
});
