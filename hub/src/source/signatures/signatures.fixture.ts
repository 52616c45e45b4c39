import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

import * as openpgp from "openpgp";

import type { RawObject } from "../git/git-objects.ts";

/** When fixtures sign, unless they say another time. */
export const signedAt = new Date("2026-03-01T12:00:00Z");
const made = new Date("2026-01-01T00:00:00Z");

const person = { userIDs: { name: "Ada", email: "ada@drover.dev" }, date: made, format: "object" } as const;

export async function makePgpKey(subkeys: openpgp.SubkeyOptions[] = []): Promise<openpgp.PrivateKey> {
  return (await openpgp.generateKey({ ...person, type: "curve25519", subkeys })).privateKey;
}

/** The same key as others know it when it is to expire. */
export async function expiring(privateKey: openpgp.PrivateKey, after: Date): Promise<openpgp.PublicKey> {
  const keyExpirationTime = (after.getTime() - made.getTime()) / 1000;
  return (await openpgp.reformatKey({ ...person, privateKey, keyExpirationTime })).publicKey;
}

export async function revoked(key: openpgp.PrivateKey, flag: openpgp.enums.reasonForRevocation) {
  const reasonForRevocation = { flag, string: "" };
  return (await openpgp.revokeKey({ key, reasonForRevocation, date: new Date("2026-06-01"), format: "object" }))
    .publicKey;
}

export function pgpSigner(signingKeys: openpgp.PrivateKey, date = signedAt) {
  return async (payload: Uint8Array): Promise<string> => {
    const message = await openpgp.createMessage({ binary: payload, date });
    return openpgp.sign({ message, signingKeys, detached: true, date });
  };
}

export type SshKind = "ed25519" | "ecdsa" | "rsa" | "rsa-1024";

export interface SshKey {
  /** `ssh-ed25519 AAAA…`. */
  readonly line: string;
  readonly pair: KeyObject;
  readonly kind: SshKind;
}

export function makeSshKey(kind: SshKind): SshKey {
  const { privateKey: pair } = generate(kind);
  const { x = "", y = "", n = "", e = "" } = pair.export({ format: "jwk" });
  const number = (text: string): Buffer => Buffer.from(text, "base64url");
  const [type, ...fields] = {
    ed25519: ["ssh-ed25519", number(x)],
    ecdsa: ["ecdsa-sha2-nistp256", "nistp256", Buffer.concat([Buffer.from([4]), number(x), number(y)])],
    rsa: ["ssh-rsa", positive(number(e)), positive(number(n))],
    "rsa-1024": ["ssh-rsa", positive(number(e)), positive(number(n))],
  }[kind] as [string, ...(string | Buffer)[]];
  return { line: `${type} ${texts(type, ...fields).toString("base64")}`, pair, kind };
}

function generate(kind: SshKind) {
  if (kind === "ed25519") return generateKeyPairSync("ed25519");
  if (kind === "ecdsa") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  return generateKeyPairSync("rsa", { modulusLength: kind === "rsa" ? 2048 : 1024 });
}

export interface SshSigning {
  readonly namespace?: string;
  readonly hash?: string;
  /** Of an RSA key. */
  readonly digest?: "sha1" | "sha256" | "sha512";
  /** What comes behind the signature. */
  readonly rest?: string;
}

export function sshSigner(
  { line, pair, kind }: SshKey,
  { namespace = "git", hash = "sha512", digest = "sha512", rest = "" }: SshSigning = {},
) {
  return (payload: Uint8Array): string => {
    const hashed = createHash(hash === "sha256" ? "sha256" : "sha512")
      .update(payload)
      .digest();
    const signed = Buffer.concat([Buffer.from("SSHSIG"), texts(namespace, "", hash, hashed)]);
    const algorithms = { sha1: "ssh-rsa", sha256: "rsa-sha2-256", sha512: "rsa-sha2-512" } as const;
    const signature = {
      ed25519: () => texts("ssh-ed25519", sign(null, signed, pair)),
      ecdsa: () =>
        texts("ecdsa-sha2-nistp256", halves(sign("sha256", signed, { key: pair, dsaEncoding: "ieee-p1363" }))),
      rsa: () => texts(algorithms[digest], sign(digest, signed, pair)),
      "rsa-1024": () => texts(algorithms[digest], sign(digest, signed, pair)),
    }[kind]();
    const key = Buffer.from(line.split(" ")[1] ?? "", "base64");
    const body = [Buffer.from("SSHSIG\0\0\0\x01"), texts(key, namespace, "", hash, signature), Buffer.from(rest)];
    return armorSsh(Buffer.concat(body));
  };
}

export function armorSsh(body: Buffer): string {
  const lines = body.toString("base64").match(/.{1,70}/gu) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}

function halves(signature: Buffer): Buffer {
  const half = signature.length / 2;
  return texts(positive(signature.subarray(0, half)), positive(signature.subarray(half)));
}

/** As SSH writes numbers: as short as can be, and not as a negative one. */
function positive(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.subarray(start);
  return (short[0] ?? 0) < 128 ? short : Buffer.concat([Buffer.from([0]), short]);
}

function texts(...values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(value));
      return [length, Buffer.from(value)];
    }),
  );
}

const commitHeader = `tree ${"1".repeat(40)}\nauthor Ada <a@b> 1 +0000\ncommitter Ada <a@b> 1 +0000\n`;
export const commitPayload: Uint8Array = Buffer.from(`${commitHeader}\nÄ change\n\n gpgsig of nobody\n`);

/** A commit with headers that hold these signatures. */
export function commitWith(...signatures: readonly string[]): RawObject {
  const header = signatures.map((text) => `gpgsig ${text.trimEnd().replaceAll("\n", "\n ")}\n`).join("");
  const [, message] = Buffer.from(commitPayload).toString().split(commitHeader);
  return { type: "commit", bytes: Buffer.from(`${commitHeader}${header}${message}`) };
}

export async function signedCommit(sign: (payload: Uint8Array) => string | Promise<string>): Promise<RawObject> {
  return commitWith(await sign(commitPayload));
}

export async function tagOf(
  object: RawObject,
  sign: (payload: Uint8Array) => string | Promise<string> = () => "",
): Promise<RawObject> {
  const text = `object ${idOf(object)}\ntype ${object.type}\ntag v1\ntagger Ada <a@b> 1 +0000\n\nVersion 1\n`;
  return { type: "tag", bytes: Buffer.from(text + (await sign(Buffer.from(text)))) };
}

export function idOf({ type, bytes }: RawObject): string {
  return createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}

/** An object database with these objects, under ids that may not be theirs. */
export function objectsOf(objects: readonly RawObject[], ids: readonly string[] = objects.map((one) => idOf(one))) {
  return {
    async readRaw(oid: string): Promise<RawObject> {
      const found = objects[ids.indexOf(oid)];
      if (found === undefined) throw new Error(`there is no object ${oid}`);
      return found;
    },
  };
}
