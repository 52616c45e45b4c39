import { createPrivateKey, type KeyObject } from "node:crypto";

import ssh2 from "ssh2";
import { expect, test } from "vitest";

import { describeKey, formatPrivateKey, publicKeyOf, publicKeyOfPair, readHostKey, readPublicKey } from "./ssh-keys.ts";

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvvCGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ";
const ecdsa =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDTUK71OT+k/li4rLTZzJjujLsBpZ310Z4WQFVGBsVzgg3iOEt4zrtS5otjpF4/a1wBKTfQDz/pdiVTYEu4fqRc=";

test.each([
  [ed25519, "ssh-ed25519 SHA256:rnnrsMi5u2dCCgHNUokK3jJnU0Dbwqm4Yiu2/OWqFhM"],
  [ecdsa, "ecdsa-sha2-nistp256 SHA256:IeK/89AWME5DA9GDFZ2pO4p6dXbrDpTJfaTc/7WSVCY"],
])("names a key as ssh-keygen -l does", (key, name) => {
  expect(describeKey(key)).toBe(name);
  expect(publicKeyOf(Buffer.from(key.split(" ")[1] ?? "", "base64"))).toBe(key);
});

test.each([
  ["", undefined],
  ["ssh-ed25519", undefined],
  ["ssh-ed25519 AAAA", undefined],
  ["ssh-ed25519 !!!!", undefined],
  [ed25519.replace("ssh-ed25519", "ssh-rsa"), undefined],
  [`ssh-dss ${Buffer.from("\0\0\0\u0007ssh-dss").toString("base64")}`, undefined],
  [`ssh-ed25519 ${"A".repeat(8000)}`, undefined],
  [ed25519.slice(0, -1), undefined],
  [`  ${ed25519}  a comment\n`, ed25519],
])("reads %j as a public key or not", (text, key) => {
  expect(readPublicKey(text)).toBe(key);
});

test("a server's key of an unknown kind is none, whatever it calls itself", () => {
  const kind = 'x"; rm -rf /; "';
  expect(publicKeyOf(Buffer.concat([Buffer.from([0, 0, 0, kind.length]), Buffer.from(kind)]))).toBeUndefined();
  expect(publicKeyOf(Buffer.from([255, 255, 255]))).toBeUndefined();
});

const server = { host: "git.example", port: 22 };

test.each([
  [ed25519, server],
  [`${ed25519} root@git`, server],
  [`git.example ${ed25519}`, server],
  [`other,Git.Example,10.0.0.1 ${ed25519} root@git`, server],
  [`[git.example]:2222 ${ed25519}`, { host: "git.example", port: 2222 }],
])("takes %j as a host key", (text, of) => {
  expect(readHostKey(text, of)).toBe(ed25519);
});

test.each([
  ["for another host", `other.example ${ed25519}`, server],
  ["for another port", `git.example ${ed25519}`, { host: "git.example", port: 2222 }],
  ["for a host that nobody can read", `|1|abc=|def= ${ed25519}`, server],
  ["of an authority", `@cert-authority git.example ${ed25519}`, server],
  ["that is none", "git.example", server],
])("refuses a host key %s", (_why, text, of) => {
  expect(() => readHostKey(text, of)).toThrow(expect.objectContaining({ code: "usage" }));
});

/** From a number: keys that begin with a zero, and others. */
function keyFrom(seed: number): KeyObject {
  const raw = Buffer.alloc(32);
  raw.writeUInt32BE(seed);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), raw]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

test("every key can be read by those who log in with it, also when its public half begins with a zero", () => {
  const publicKeys = new Set<string>();
  for (let seed = 0; seed < 1000; seed += 1) {
    const key = keyFrom(seed);
    const text = publicKeyOfPair(key);
    const parsed = ssh2.utils.parseKey(formatPrivateKey(key));
    if (parsed instanceof Error) throw parsed;
    expect(`ssh-ed25519 ${parsed.getPublicSSH().toString("base64")}`).toBe(text);
    expect(parsed.verify("text", parsed.sign("text"))).toBe(true);
    publicKeys.add(text);
  }
  const beginWithZero = [...publicKeys].filter((text) => Buffer.from(text.slice(12), "base64")[19] === 0);
  expect([publicKeys.size, beginWithZero.length > 0]).toEqual([1000, true]);
});
