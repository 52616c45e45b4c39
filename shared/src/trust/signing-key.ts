import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import path from "node:path";

import { DroverError } from "../errors.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** What the hub signs assignments with. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** SPKI, PEM: what agents are given. */
  readonly publicPem: string;
}

/** Public Ed25519 keys by id: whose signatures an agent accepts. */
export type VerifyKeys = ReadonlyMap<string, KeyObject>;

export function createSigningKey(): SigningKey {
  return describe(generateKeyPairSync("ed25519").privateKey);
}

/** Reads the key of a folder, making it on first use. */
export async function loadSigningKey(folder: string): Promise<SigningKey> {
  const file = path.join(folder, "signing.key");
  const stored = await readSecretFile(file);
  if (stored !== undefined) return describe(parsePrivateKey(file, stored));
  const created = createSigningKey();
  await writeSecretFile(file, created.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return created;
}

/** One entry for `VerifyKeys`. Throws `document_invalid` for what is not an Ed25519 public key, or not the named one. */
export function readVerifyKey(id: string, publicPem: string): readonly [id: string, key: KeyObject] {
  const key = parsePublicKey(publicPem);
  if (key.asymmetricKeyType !== "ed25519" || idOfKey(key) !== id) {
    throw new DroverError("document_invalid", `signing key ${id} is not the Ed25519 key of that id`);
  }
  return [id, key];
}

/** Reads the key of a person, as `openssl genpkey -algorithm ed25519` writes it. Throws `config_invalid`. */
export function readSigningKey(file: string, pem: string): SigningKey {
  return describe(parsePrivateKey(file, pem));
}

function describe(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey);
  return {
    id: idOfKey(publicKey),
    privateKey,
    publicKey,
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** Derived from the key, so that no two keys ever share an id. */
export function idOfKey(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16);
}

function parsePrivateKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below without the cause: a parser's message could quote the key.
  }
  throw new DroverError("config_invalid", `${file} does not hold an Ed25519 private key in PEM`);
}

function parsePublicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new DroverError("document_invalid", "signing key is not a public key in PEM", { cause });
  }
}
