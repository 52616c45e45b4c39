import { createSecretKey, randomBytes, type KeyObject } from "node:crypto";

import { DroverError } from "@drover/shared/errors";
import { openBytes, sealBytes } from "@drover/shared/trust/aes-gcm";

import type { Database } from "./database.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";
import type { StoreKeys, Wrapped } from "./store-keys.ts";

/** A key that content is encrypted with, itself encrypted with a store key. */
interface DataKeyRecord extends Wrapped {
  readonly id: number;
}

interface State {
  readonly storeKeys: StoreKeys;
  readonly dataKeys: ReadonlyMap<number, KeyObject>;
  readonly keyId: string;
}

/** In front of what is encrypted: the form, and the data key's number. */
const form = 1;
const headerBytes = 5;

/** Which store keys it takes to read what the store has encrypted; none = nothing is encrypted yet. */
export function neededStoreKeys(database: Database): readonly string[] {
  return dataKeyRecords(database).map(({ key }) => key);
}

/**
 * Encrypts what may be secret (AES-256-GCM) with a data key, which is in the store and encrypted with a store key: another
 * store key is a matter of some bytes. What is written is encrypted with the newest data key.
 */
export class Vault {
  readonly #database: Database;
  #storeKeys: StoreKeys;
  #dataKeys: ReadonlyMap<number, KeyObject>;
  #keyId: string;

  /** Throws `store_failed` for data keys that the store keys do not open. */
  constructor(database: Database, storeKeys: StoreKeys) {
    this.#database = database;
    this.#storeKeys = storeKeys;
    const records = dataKeyRecords(database);
    this.#dataKeys = new Map(records.map((record) => [record.id, unwrap(record, storeKeys)]));
    this.#keyId = records[0]?.key ?? storeKeys.id;
    // A key of before is not to be found in what its record leaves behind; costs no more than zeros in the same page.
    database.all("PRAGMA secure_delete = FAST");
  }

  /** Of the store key that its data keys are encrypted with: all with the same. */
  get keyId(): string {
    return this.#keyId;
  }

  /** None: the store is new, or of an earlier version, and `begin` was not called yet. */
  get dataKeys(): number {
    return this.#dataKeys.size;
  }

  /** What is opened at another place than it was written for does not open. */
  encrypt(bytes: Uint8Array, place: string): Uint8Array {
    const [id, key] = [...this.#dataKeys].at(-1) ?? noKey();
    const header = Buffer.alloc(headerBytes);
    header.writeUInt8(form);
    header.writeUInt32BE(id, 1);
    return Buffer.concat([header, sealBytes(key, bytes, place)]);
  }

  /** Undefined for what was changed since, or is from elsewhere. */
  decrypt(bytes: Uint8Array, place: string): Uint8Array | undefined {
    const key = bytes[0] === form ? this.#dataKeys.get(dataKeyOf(bytes)) : undefined;
    return key === undefined ? undefined : openBytes(key, bytes.subarray(headerBytes), place);
  }

  isNewest(bytes: Uint8Array): boolean {
    return dataKeyOf(bytes) === [...this.#dataKeys.keys()].at(-1);
  }

  /** For files beside the store. */
  wrap(bytes: Uint8Array, context: string): Wrapped {
    return this.#storeKeys.wrap(bytes, context);
  }

  unwrap(wrapped: Wrapped, context: string): Uint8Array | undefined {
    return this.#storeKeys.unwrap(wrapped, context);
  }

  /** In one transaction: a new data key for what is written from now on, and all of them encrypted with these store keys. */
  begin(storeKeys: StoreKeys, rewrite: () => void): void {
    const before = { storeKeys: this.#storeKeys, dataKeys: this.#dataKeys, keyId: this.#keyId };
    const id = 1 + Math.max(0, ...before.dataKeys.keys());
    const dataKeys = new Map([...before.dataKeys, [id, createSecretKey(randomBytes(32))]]);
    try {
      this.#database.transaction(() => {
        this.#set({ storeKeys, dataKeys, keyId: storeKeys.id });
        for (const [number, key] of dataKeys) this.#write(number, key);
        rewrite();
      });
    } catch (cause) {
      this.#set(before);
      throw cause;
    }
  }

  /** Nothing is encrypted with the data keys of before any more. */
  forgetEarlier(): void {
    const newest = [...this.#dataKeys].at(-1) ?? noKey();
    this.#database.run("DELETE FROM data_keys WHERE id <> ?", newest[0]);
    this.#dataKeys = new Map([newest]);
    this.#database.checkpoint();
  }

  #set({ storeKeys, dataKeys, keyId }: State): void {
    this.#storeKeys = storeKeys;
    this.#dataKeys = dataKeys;
    this.#keyId = keyId;
  }

  #write(id: number, key: KeyObject): void {
    const record: DataKeyRecord = { id, ...this.#storeKeys.wrap(key.export(), contextOf(id)) };
    this.#database.run("INSERT OR REPLACE INTO data_keys VALUES (?, ?)", id, seal(record));
  }
}

function dataKeyRecords(database: Database): readonly DataKeyRecord[] {
  return database.all("SELECT record FROM data_keys ORDER BY id").map((row) => parseRecord<DataKeyRecord>(row));
}

function unwrap(record: DataKeyRecord, storeKeys: StoreKeys): KeyObject {
  const bytes = storeKeys.unwrap(record, contextOf(record.id));
  if (bytes !== undefined) return createSecretKey(bytes);
  throw new DroverError(
    "store_failed",
    `data key ${record.id} of the store does not open with store key ${record.key}`,
  );
}

function contextOf(id: number): string {
  return `data key ${id}`;
}

function dataKeyOf(bytes: Uint8Array): number {
  return bytes.length < headerBytes ? 0 : Buffer.from(bytes.buffer, bytes.byteOffset, headerBytes).readUInt32BE(1);
}

function noKey(): never {
  throw new DroverError("internal", "nothing is encrypted before there is a data key");
}
