import { generateKeyPairSync, X509Certificate } from "node:crypto";

import { FakeClock } from "@drover/shared/clock";
import { createAuthority } from "@drover/shared/trust/authority";
import { expect, test } from "vitest";

import { checkCredential } from "./credential-check.ts";
import type { Credential } from "./credential.ts";

const issue = async (atMs: number) => {
  const authority = await createAuthority({ clock: new FakeClock(atMs) });
  const { chain, privateKey } = await authority.issueServer(["git.example.org"]);
  return { ca: `${authority.certificate}\n`, chain, key: privateKey };
};
const day = 86_400_000;
const now = Date.UTC(2026, 10, 27);
const [own, other, ended] = await Promise.all([issue(now), issue(now + day), issue(Date.UTC(2001, 0, 1))]);
const [leaf = "", root = ""] = own.chain.split(/(?<=-----END CERTIFICATE-----\n?)(?=-)/u);

const none: Credential = { username: "", password: "", ca: "", clientCertificate: "", clientKey: "" };
const check = (parts: Partial<Credential>): number => checkCredential({ ...none, ...parts });
const endOf = (pem: string): number => Date.parse(new X509Certificate(pem).validTo);

const encrypted = (type: "pkcs8" | "sec1"): string =>
  generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type, format: "pem", cipher: "aes-256-cbc", passphrase: "s3cret" },
  }).privateKey;

test.each<[string, Partial<Credential>]>([
  ["a user name and a password", { username: "ci", password: "s3cret" }],
  ["a token alone", { password: "s3cret" }],
  ["a user name alone, which is a token for some", { username: "s3cret" }],
])("takes %s, which never ends", (_what, parts) => {
  expect(check(parts)).toBe(0);
});

test("takes certificates with text around them, and says when the first ends without which nothing works", () => {
  expect(check({ clientCertificate: leaf, clientKey: own.key })).toBe(endOf(leaf));
  expect(check({ clientCertificate: `Bag Attributes\n${leaf}subject=x\n${root}`, clientKey: `x\n${own.key}` })).toBe(
    endOf(leaf),
  );
  expect(check({ clientCertificate: own.chain.replaceAll("\n", "\r\n"), clientKey: own.key })).toBe(endOf(leaf));
  expect(check({ ca: own.ca })).toBe(endOf(own.ca));
  expect(check({ password: "s3cret", ca: own.ca, clientCertificate: leaf, clientKey: own.key })).toBe(endOf(leaf));
});

test("takes what has ended, and counts an authority that has ended only where there is no other", () => {
  expect(check({ clientCertificate: ended.chain, clientKey: ended.key })).toBeLessThan(now);
  expect(check({ ca: ended.ca + own.ca })).toBe(endOf(own.ca));
  expect(check({ ca: ended.ca })).toBeLessThan(now);
});

const keyHint = /openssl pkey/u;
test.each<[string, Partial<Credential>, RegExp, RegExp?]>([
  ["nothing", {}, /holds something/u],
  ["a user name with a colon", { username: "ci:s3cret", password: "x" }, /no colon/u],
  ["a password of two lines", { password: "s3cret\nmore" }, /password holds line breaks/u],
  ["a certificate without its key", { clientCertificate: leaf }, /no key with it/u],
  ["a key without its certificate", { clientKey: own.key }, /no client certificate with it/u],
  ["the key of another", { clientCertificate: leaf, clientKey: other.key }, /does not fit/u, /one pair/u],
  ["a chain that begins at its end", { clientCertificate: root + leaf, clientKey: own.key }, /does not fit/u, /first/u],
  ["an encrypted key", { clientCertificate: leaf, clientKey: encrypted("pkcs8") }, /is encrypted/u, keyHint],
  ["a key encrypted as of old", { clientCertificate: leaf, clientKey: encrypted("sec1") }, /is encrypted/u, keyHint],
  ["no PEM as authority", { ca: "s3cret" }, /authority is no PEM/u],
  ["certificates that were put together badly", { ca: own.ca.trim() + own.ca }, /begins within a line/u],
  ["a key among authorities", { ca: own.ca + own.key }, /holds a PRIVATE KEY, not certificates alone/u],
  ["no PEM as key", { clientCertificate: leaf, clientKey: "s3cret" }, /no private key in PEM/u],
  [
    "a damaged key",
    { clientCertificate: leaf, clientKey: own.key.replace(/\n.{9}/u, "\ns3cret...") },
    /key cannot be read/u,
  ],
  ["a key that is cut", { clientCertificate: leaf, clientKey: own.key.slice(0, 90) }, /key cannot be read/u],
  [
    "a certificate that is cut",
    { ca: own.ca + own.ca.slice(0, 200) },
    /certificate 2 of the authority cannot be read/u,
  ],
])("refuses %s, and quotes nothing of it", (_what, parts, message, hint) => {
  const { code, ...told } = failure(() => check(parts));
  expect(code).toBe("usage");
  expect(told.message).toMatch(message);
  if (hint !== undefined) expect(told.hint).toMatch(hint);
  expect(JSON.stringify(told)).not.toMatch(/s3cret|MI[GIH]/u);
});

test("reads hostile PEM in the time of its length", () => {
  expect(failure(() => check({ ca: "-----BEGIN CERTIFICATE-----\n".repeat(9_000) })).message).toMatch(
    /cannot be read/u,
  );
});

function failure(run: () => unknown) {
  try {
    run();
  } catch (cause) {
    const { code, message, hint, cause: inner, stack } = cause as Error & { code: string; hint: string };
    return { code, message, hint, inner, stack };
  }
  throw new Error("it was taken");
}
