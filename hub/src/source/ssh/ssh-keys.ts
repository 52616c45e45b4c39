import { createHash, createPublicKey, randomBytes, type KeyObject } from "node:crypto";

import { DroverError } from "@drover/shared/errors";

/** A public key as OpenSSH writes it, without a comment: `ssh-ed25519 AAAA…`. */
export type PublicKey = string;

/** Kinds of host keys that are accepted; an RSA key signs with SHA-2. */
const keyTypes: ReadonlySet<string> = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
]);
const maxBlob = 4096;

/** Undefined for what is no public key of a known kind. A comment behind it is left out. */
export function readPublicKey(text: string): PublicKey | undefined {
  const [type = "", base64 = ""] = text.trim().split(/\s+/u);
  const blob = Buffer.from(base64, "base64");
  if (blob.length > maxBlob || blob.toString("base64") !== base64 || typeOf(blob) !== type) return undefined;
  return keyTypes.has(type) ? `${type} ${base64}` : undefined;
}

/** From what a server sends. Undefined as in `readPublicKey`. */
export function publicKeyOf(blob: Buffer): PublicKey | undefined {
  return readPublicKey(`${typeOf(blob)} ${blob.toString("base64")}`);
}

export function keyType(key: PublicKey): string {
  return key.split(" ", 1)[0] ?? "";
}

/** `ssh-ed25519 SHA256:…`, as `ssh-keygen -l` and the hosts' own pages name a key. */
export function describeKey(key: PublicKey): string {
  const blob = Buffer.from(key.split(" ")[1] ?? "", "base64");
  return `${keyType(key)} SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/u, "")}`;
}

/**
 * Reads a host key that a person gives: a public key, or a line of known_hosts (as ssh-keyscan prints it) when it is for
 * this host. Throws `usage`.
 */
export function readHostKey(text: string, server: { readonly host: string; readonly port: number }): PublicKey {
  const alone = readPublicKey(text);
  if (alone !== undefined) return alone;
  const [names = "", ...rest] = text.trim().split(/\s+/u);
  const key = readPublicKey(rest.join(" "));
  if (key === undefined) {
    throw new DroverError("usage", `${JSON.stringify(text.slice(0, 80))} is no host key`, {
      hint: `give a line of: ssh-keyscan -p ${server.port} ${server.host}`,
    });
  }
  const wanted = server.port === 22 ? [server.host] : [`[${server.host}]:${server.port}`];
  if (
    names
      .toLowerCase()
      .split(",")
      .some((name) => wanted.includes(name))
  )
    return key;
  throw new DroverError("usage", `this host key is not one of ${wanted.join("")}`, {
    hint: "give the key alone, without a name in front of it",
  });
}

/** The public half of an Ed25519 key. */
export function publicKeyOfPair(key: KeyObject): PublicKey {
  return `ssh-ed25519 ${publicBlob(key).toString("base64")}`;
}

/** The private key in OpenSSH's own form, the only one for Ed25519 that SSH programs agree on. */
export function formatPrivateKey(key: KeyObject): string {
  const { d = "" } = key.export({ format: "jwk" });
  const check = randomBytes(4);
  const secret = Buffer.concat([Buffer.from(d, "base64url"), rawPublicKey(key)]);
  const fields = [check, check, field("ssh-ed25519"), field(rawPublicKey(key)), field(secret), field("")];
  const unpadded = Buffer.concat(fields);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (unpadded.length % 8)) % 8);
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    uint32(1),
    field(publicBlob(key)),
    field(Buffer.concat([unpadded, padding])),
  ]);
  const lines = whole.toString("base64").match(/.{1,70}/gu) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function publicBlob(key: KeyObject): Buffer {
  return Buffer.concat([field("ssh-ed25519"), field(rawPublicKey(key))]);
}

function rawPublicKey(key: KeyObject): Buffer {
  const { x = "" } = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

function typeOf(blob: Buffer): string {
  return blob.length < 4 ? "" : blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
}

function field(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
