import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";

import { publicKeyOfPair } from "./ssh-keys.ts";

/** What the hub logs in with to read one source over SSH. */
export interface DeployKey {
  readonly privateKey: KeyObject;
  /** `ssh-ed25519 AAAA… drover@NAME`, for the repository's settings. */
  readonly publicLine: string;
}

/** One Ed25519 key a source: a server accepts a deploy key for one repository only. */
export interface DeployKeys {
  /** Makes the key when there is none; it is on disk when this resolves. */
  of(source: string): Promise<DeployKey>;
  forget(source: string): Promise<void>;
}

/** Where a person adds the public key. */
export const whereToAdd =
  "the deploy keys of the repository, without write access (GitHub, Gitea and Forgejo: Settings, Deploy keys; " +
  "GitLab: Settings, Repository, Deploy keys; Bitbucket: Repository settings, Access keys; " +
  "a server of your own: ~/.ssh/authorized_keys of the user in the address)";

export function createDeployKeys(folder: string): DeployKeys {
  /** Also keeps two that ask at once from making two keys. */
  const known = new Map<string, Promise<DeployKey>>();
  const fileOf = (source: string): string => join(folder, `${source}.key`);
  return {
    async of(source) {
      const key = known.get(source) ?? load(fileOf(source), source);
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
  };
}

async function load(file: string, source: string): Promise<DeployKey> {
  const stored = await readSecretFile(file);
  if (stored !== undefined) return describe(parse(file, stored), source);
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeSecretFile(file, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return describe(privateKey, source);
}

function describe(privateKey: KeyObject, source: string): DeployKey {
  return { privateKey, publicLine: `${publicKeyOfPair(privateKey)} drover@${source}` };
}

function parse(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below without the cause: a parser's message could quote the key.
  }
  throw new DroverError("config_invalid", `${file} does not hold an Ed25519 private key in PEM`, {
    hint: "remove the file: a new key is made, to be added to the repository again",
  });
}
