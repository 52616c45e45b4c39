import { generateKeyPairSync } from "node:crypto";

import { describe, expect, it } from "vitest";

import { digestOf } from "../digest.ts";
import { formatReleaseKey, isReleased, readReleaseKey, signRelease } from "./release.ts";
import { createSigningKey, idOfKey, readSigningKey } from "./signing-key.ts";

const alice = createSigningKey();
const mallory = createSigningKey();
const bundle = digestOf("bundle");
const release = { application: "shop", bundle, cluster: "prod-1", expiresAtMs: 1_000 };
const signature = signRelease(release, alice);
const now = { key: alice.publicKey, nowMs: 999 };

describe("a signature of a release", () => {
  it("counts for its application, bundle and cluster, until it ends", () => {
    expect(isReleased(release, signature, now)).toBe(true);
    const everywhere = signRelease({ ...release, cluster: "" }, alice);
    expect(isReleased({ ...release, cluster: "prod-2" }, everywhere, now)).toBe(true);
  });

  it.each([
    ["another application", { ...release, application: "web" }, signature, now],
    ["another bundle", { ...release, bundle: digestOf("other") }, signature, now],
    ["another cluster", { ...release, cluster: "prod-2" }, signature, now],
    ["what says to be for every cluster, and was not", release, { ...signature, cluster: "" }, now],
    ["a time that has passed", release, signature, { ...now, nowMs: 1_000 }],
    ["a time that was moved", release, { ...signature, expiresAtMs: 9_999 }, now],
    ["another key", release, signature, { ...now, key: mallory.publicKey }],
    ["another key under its id", release, { ...signRelease(release, mallory), keyId: alice.id }, now],
    ["no signature", release, { ...signature, signature: "" }, now],
    ["a signature that is none", release, { ...signature, signature: "%%%" }, now],
  ])("does not count for %s", (_what, about, given, check) => {
    expect(isReleased(about, given, check)).toBe(false);
  });
});

describe("a key in a policy", () => {
  it("is read as it is printed", () => {
    const text = formatReleaseKey(alice.publicKey);
    expect(text).toHaveLength(43);
    expect(idOfKey(readReleaseKey(text))).toBe(alice.id);
  });

  it.each(["", "AAAA", "%", formatReleaseKey(alice.publicKey).slice(1), `${formatReleaseKey(alice.publicKey)}=`])(
    "is refused when it is %j",
    (text) => {
      expect(() => readReleaseKey(text)).toThrow(expect.objectContaining({ code: "document_invalid" }));
    },
  );
});

it("the key of a person is an Ed25519 key in PEM, and what is not is never quoted", () => {
  const pem = alice.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  expect(readSigningKey("me.pem", pem).id).toBe(alice.id);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (const text of ["nonsense", privateKey.export({ type: "pkcs8", format: "pem" }).toString()]) {
    expect(() => readSigningKey("me.pem", text)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  }
});
