import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";

import ssh2 from "ssh2";

import type { Signer, Verdict } from "../../core/signers.ts";
import { describeKey, keyType, publicKeyOf, type PublicKey } from "../ssh/ssh-keys.ts";

interface SshSignature {
  readonly key: PublicKey;
  readonly namespace: Buffer;
  readonly reserved: Buffer;
  readonly hash: Buffer;
  /** Algorithm and signature. */
  readonly signature: readonly [Buffer, Buffer];
}

const armored = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END SSH SIGNATURE-----\s*$/u;
const magic = Buffer.from("SSHSIG");
const version = Buffer.from([0, 0, 0, 1]);
/** What a signature of Git is for: one made for another purpose proves nothing here. */
const namespace = "git";
const hashes: ReadonlySet<string> = new Set(["sha256", "sha512"]);

interface Algorithm {
  readonly keyType: string;
  /** Null = the algorithm's own. */
  readonly digest: string | null;
  /** Bytes of each half of an ECDSA signature. */
  readonly half?: number;
}

/** Without `ssh-rsa`, which signs with SHA-1. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  "ssh-ed25519": { keyType: "ssh-ed25519", digest: null },
  "rsa-sha2-256": { keyType: "ssh-rsa", digest: "sha256" },
  "rsa-sha2-512": { keyType: "ssh-rsa", digest: "sha512" },
  "ecdsa-sha2-nistp256": { keyType: "ecdsa-sha2-nistp256", digest: "sha256", half: 32 },
  "ecdsa-sha2-nistp384": { keyType: "ecdsa-sha2-nistp384", digest: "sha384", half: 48 },
  "ecdsa-sha2-nistp521": { keyType: "ecdsa-sha2-nistp521", digest: "sha512", half: 66 },
};

/** Judges an armored SSHSIG (OpenSSH's PROTOCOL.sshsig) of these bytes. */
export function judgeSshSignature(text: string, payload: Uint8Array, signers: readonly Signer[]): Verdict {
  const signature = parse(text);
  if (signature === undefined) return bad("it is no SSH signature");
  const fingerprint = describeKey(signature.key);
  const signer = signers.find(({ key }) => key === signature.key);
  if (signer === undefined) return { kind: "unknown-key", fingerprint };
  if (signature.namespace.toString("latin1") !== namespace) return bad("it was made for another purpose than Git");
  const hash = signature.hash.toString("latin1");
  if (!hashes.has(hash)) return bad("it hashes with neither SHA-256 nor SHA-512");
  const name = signature.signature[0].toString("latin1");
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (algorithm?.keyType !== keyType(signature.key)) return bad("its algorithm is not accepted for its key");
  const digest = createHash(hash).update(payload).digest();
  const parts = [signature.namespace, signature.reserved, signature.hash, digest];
  const signed = Buffer.concat([magic, ...parts.flatMap((part) => [uint32(part.length), part])]);
  if (isValid(signature, algorithm, signed)) return { kind: "signed", by: signer.name, fingerprint };
  return bad("it is not for this content");
}

/** Undefined for what is no key, or a weaker one than is accepted: RSA of less than 2048 bits. */
export function verifyingKey(key: PublicKey): KeyObject | undefined {
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) return undefined;
  try {
    const object = createPublicKey(parsed.getPublicPEM());
    const { modulusLength = 2048 } = object.asymmetricKeyDetails ?? {};
    return modulusLength < 2048 ? undefined : object;
  } catch {
    return undefined;
  }
}

function isValid({ key, signature: [, bytes] }: SshSignature, { digest, half }: Algorithm, signed: Buffer): boolean {
  const object = verifyingKey(key);
  const plain = half === undefined ? bytes : joinHalves(bytes, half);
  if (object === undefined || plain === undefined) return false;
  return verify(digest, signed, half === undefined ? object : { key: object, dsaEncoding: "ieee-p1363" }, plain);
}

/** SSH writes the two numbers of an ECDSA signature each with its length. */
function joinHalves(blob: Buffer, half: number): Buffer | undefined {
  const numbers = fieldsOf(blob, 2)?.map((number) => (number[0] === 0 ? number.subarray(1) : number));
  if (numbers === undefined || numbers.some(({ length }) => length > half)) return undefined;
  return Buffer.concat(numbers.flatMap((number) => [Buffer.alloc(half - number.length), number]));
}

function parse(text: string): SshSignature | undefined {
  const blob = Buffer.from(armored.exec(text)?.[1] ?? "", "base64");
  const start = Buffer.concat([magic, version]);
  if (!blob.subarray(0, start.length).equals(start)) return undefined;
  const [keyBlob, forWhat, reserved, hash, last] = fieldsOf(blob.subarray(start.length), 5) ?? [];
  if (keyBlob === undefined || forWhat === undefined || reserved === undefined) return undefined;
  if (hash === undefined || last === undefined) return undefined;
  const [algorithm, bytes] = fieldsOf(last, 2) ?? [];
  const key = publicKeyOf(keyBlob);
  if (key === undefined || algorithm === undefined || bytes === undefined) return undefined;
  return { key, namespace: forWhat, reserved, hash, signature: [algorithm, bytes] };
}

/** Texts with their lengths in front; undefined when there are not exactly so many. */
function fieldsOf(blob: Buffer, count: number): readonly Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (fields.length < count) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return at === blob.length ? fields : undefined;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function bad(why: string): Verdict {
  return { kind: "bad-signature", why };
}
