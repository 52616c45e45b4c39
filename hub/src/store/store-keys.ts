import { createSecretKey, hash, randomBytes, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { openBytes, sealBytes } from "@drover/shared/trust/aes-gcm";

import { syncFolder, writeDurably } from "./durable-file.ts";

const keyBytes = 32;

/** What only the key of this id opens. */
export interface Wrapped {
  readonly key: string;
  /** Base64. */
  readonly box: string;
}

/**
 * The keys that the keys of the store are encrypted with: the first is for what is written, the others open what was
 * written before them. They are in a file of their own, which no backup holds.
 */
export class StoreKeys {
  /** In the order of the file. */
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #first: readonly [id: string, key: KeyObject];

  constructor(first: Uint8Array, others: readonly Uint8Array[] = []) {
    this.#keys = new Map([first, ...others].map((key) => [idOf(key), createSecretKey(key)]));
    this.#first = [idOf(first), createSecretKey(first)];
  }

  /** Of the first key: tells keys apart, and says nothing of them. */
  get id(): string {
    return this.#first[0];
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  wrap(bytes: Uint8Array, context: string): Wrapped {
    const [key, secret] = this.#first;
    return { key, box: Buffer.from(sealBytes(secret, bytes, context)).toString("base64") };
  }

  /** Undefined when the key is not there, or the box was changed. */
  unwrap({ key, box }: Wrapped, context: string): Uint8Array | undefined {
    const secret = this.#keys.get(key);
    return secret === undefined ? undefined : openBytes(secret, Buffer.from(box, "base64"), context);
  }
}

/** Of a store that dies with its process. */
export function newStoreKeys(): StoreKeys {
  return new StoreKeys(randomBytes(keyBytes));
}

/** Where the file is unless people say otherwise. */
export function storeKeyFile(store: string): string {
  return join(dirname(store), "keys", "store.key");
}

/** One key a line, in base64, the newest first. Undefined when there is no such file; throws `config_invalid`. */
export function readStoreKeys(file: string): StoreKeys | undefined {
  const [first, ...others] = linesOf(file).map((line) => parseKey(file, line));
  if (first !== undefined) return new StoreKeys(first, others);
  if (existsSync(file))
    throw new DroverError("config_invalid", `there is no key in the store key file ${file}`, { hint });
  return undefined;
}

/** Puts a new key before those of the file, which it makes when there is none. On the disk when it returns. */
export function addStoreKey(file: string): StoreKeys {
  readStoreKeys(file);
  const lines = [randomBytes(keyBytes).toString("base64"), ...linesOf(file)];
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeDurably(`${file}.new`, "w", lines.map((line) => `${line}\n`).join(""));
  renameSync(`${file}.new`, file);
  syncFolder(dirname(file));
  const keys = readStoreKeys(file);
  if (keys === undefined) throw new DroverError("store_failed", `the store key file ${file} is gone`);
  return keys;
}

/**
 * The keys that a store needs, or its first. Throws `store_key_missing`: whoever makes a new key in the place of one that is
 * missing makes sure that nothing is ever read again.
 */
export function openStoreKeys(file: string, needed: readonly string[]): StoreKeys {
  const keys = readStoreKeys(file);
  const missing = needed.find((id) => keys?.has(id) !== true);
  if (missing === undefined) return keys ?? addStoreKey(file);
  const where =
    keys === undefined ? `there is no store key file ${file}` : `the store key file ${file} does not have it`;
  throw new DroverError("store_key_missing", `the store is encrypted with key ${missing}, and ${where}`, {
    hint: "put that key back, in a line of that file or with --store-key-file: without it the store cannot be read",
  });
}

const hint = "each line is 32 random bytes in base64, as `openssl rand -base64 32` makes them; the first is used";

function linesOf(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

/** The error does not quote what could be a key with a slip in it. */
function parseKey(file: string, line: string): Uint8Array {
  const bytes = Buffer.from(line, "base64");
  if (bytes.length === keyBytes && bytes.toString("base64") === line) return bytes;
  throw new DroverError("config_invalid", `the store key file ${file} has a line that is no key`, { hint });
}

function idOf(key: Uint8Array): string {
  return hash("sha256", Buffer.concat([Buffer.from("drover store key\n"), key])).slice(0, 16);
}
