import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";

import { publicKeyOfPair } from "./ssh-keys.ts";

/** What the hub logs in with to read one source over SSH. */
export interface DeployKey {
  readonly privateKey: KeyObject;
  /** `ssh-ed25519 AAAA… drover@NAME`, for the repository's settings. */
  readonly publicLine: string;
}

/** What the files are encrypted with, for each under its name. */
export interface KeyWrap {
  /** Of what it wraps with now. */
  readonly keyId: string;
  wrap(bytes: Uint8Array, context: string): Wrapped;
  unwrap(wrapped: Wrapped, context: string): Uint8Array | undefined;
}

interface Wrapped {
  readonly key: string;
  readonly box: string;
}

/** One Ed25519 key a source: a server accepts a deploy key for one repository only. */
export interface DeployKeys {
  /** Makes the key when there is none; it is on disk when this resolves. */
  of(source: string): Promise<DeployKey>;
  forget(source: string): Promise<void>;
  /** Encrypts all anew: those that are in clear yet, or were encrypted with a key of before. */
  rewrap(): Promise<void>;
}

/** Where a person adds the public key. */
export const whereToAdd =
  "the deploy keys of the repository, without write access (GitHub, Gitea and Forgejo: Settings, Deploy keys; " +
  "GitLab: Settings, Repository, Deploy keys; Bitbucket: Repository settings, Access keys; " +
  "a server of your own: ~/.ssh/authorized_keys of the user in the address)";

const extension = ".key";

export function createDeployKeys(folder: string, keyWrap: KeyWrap): DeployKeys {
  /** Also keeps two that ask at once from making two keys. */
  const known = new Map<string, Promise<DeployKey>>();
  const fileOf = (source: string): string => join(folder, `${source}${extension}`);
  return {
    async of(source) {
      const key = known.get(source) ?? load(fileOf(source), source, keyWrap);
      known.set(source, key);
      try {
        return await key;
      } catch (cause) {
        known.delete(source);
        throw cause;
      }
    },
    async forget(source) {
      known.delete(source);
      await rm(fileOf(source), { force: true });
    },
    async rewrap() {
      const names = existsSync(folder) ? await readdir(folder) : [];
      for (const name of names.filter((one) => one.endsWith(extension))) {
        const source = name.slice(0, -extension.length);
        const stored = await readSecretFile(fileOf(source));
        if (stored === undefined || readJson(stored).key === keyWrap.keyId) continue;
        const pem = decode(stored, source, keyWrap);
        if (pem !== undefined) await writeSecretFile(fileOf(source), encode(pem, source, keyWrap));
      }
    },
  };
}

async function load(file: string, source: string, keyWrap: KeyWrap): Promise<DeployKey> {
  const stored = await readSecretFile(file);
  if (stored !== undefined) return describe(parse(file, decode(stored, source, keyWrap)), source);
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeSecretFile(file, encode(pem, source, keyWrap));
  return describe(privateKey, source);
}

function encode(pem: string, source: string, keyWrap: KeyWrap): string {
  return `${JSON.stringify(keyWrap.wrap(Buffer.from(pem), contextOf(source)))}\n`;
}

/** Earlier versions wrote PEM in clear. Undefined for what does not open. */
function decode(stored: string, source: string, keyWrap: KeyWrap): string | undefined {
  if (stored.startsWith("-----BEGIN")) return stored;
  const { key = "", box = "" } = readJson(stored);
  const bytes = keyWrap.unwrap({ key, box }, contextOf(source));
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

function contextOf(source: string): string {
  return `deploy key ${source}`;
}

function readJson(text: string): Partial<Wrapped> {
  try {
    const value: unknown = JSON.parse(text);
    return { key: textAt(value, "key") ?? "", box: textAt(value, "box") ?? "" };
  } catch {
    return {};
  }
}

function describe(privateKey: KeyObject, source: string): DeployKey {
  return { privateKey, publicLine: `${publicKeyOfPair(privateKey)} drover@${source}` };
}

function parse(file: string, pem: string | undefined): KeyObject {
  try {
    const key = createPrivateKey(pem ?? "");
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below without the cause: a parser's message could quote the key.
  }
  throw new DroverError("config_invalid", `${file} does not hold an Ed25519 private key that the store key opens`, {
    hint: "remove the file: a new key is made, to be added to the repository again",
  });
}
