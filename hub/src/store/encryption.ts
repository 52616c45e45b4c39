import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import type { StoreKeys, Wrapped } from "./store-keys.ts";
import type { Vault } from "./vault.ts";

/** With which key the store is encrypted, and how it gets another. */
export interface Encryption {
  /** Of the store key that is needed to open it. */
  readonly keyId: string;
  /** Whether some of it is still encrypted as it was before another key came. */
  readonly isPending: boolean;
  /** From here on nothing but the first of these keys is needed, also after a crash; the rest is for `advance`. */
  rekey(keys: StoreKeys): void;
  /** Encrypts some of what was there before anew; true when all is done. A store that is read anew begins at the front. */
  advance(): boolean;
  /** For what is kept in files beside the store, encrypted with the same store key. */
  wrap(bytes: Uint8Array, context: string): Wrapped;
  unwrap(wrapped: Wrapped, context: string): Uint8Array | undefined;
}

export interface Encrypted {
  readonly database: Database;
  readonly vault: Vault;
  readonly blobs: BlobTable;
  /** Few and small. */
  readonly secrets: readonly { rewrite(): number }[];
}

/** Also encrypts what an earlier version left in clear: in one transaction, and then it is gone from the file and its log. */
export function createEncryption({ database, vault, blobs, secrets }: Encrypted, storeKeys: StoreKeys): Encryption {
  const rewrite = (): number => secrets.reduce((sum, table) => sum + table.rewrite(), 0);
  if (vault.dataKeys === 0) {
    vault.begin(storeKeys, () => {
      if (rewrite() + blobs.encryptClear() > 0)
        database.run(`INSERT OR REPLACE INTO meta VALUES ('${unscrubbed}', '')`);
    });
  }
  if (database.get("SELECT 1 FROM meta WHERE key = ?", unscrubbed) !== undefined) {
    database.scrub();
    database.run("DELETE FROM meta WHERE key = ?", unscrubbed);
  }
  let last = "";
  return {
    get keyId() {
      return vault.keyId;
    },
    get isPending() {
      return vault.dataKeys > 1;
    },
    rekey(keys) {
      vault.begin(keys, rewrite);
      last = "";
    },
    advance() {
      if (vault.dataKeys === 1) return true;
      const next = blobs.reencrypt(last);
      last = next ?? "";
      if (next === undefined) vault.forgetEarlier();
      return next === undefined;
    },
    wrap: (bytes, context) => vault.wrap(bytes, context),
    unwrap: (wrapped, context) => vault.unwrap(wrapped, context),
  };
}

/** There until what was in clear once is overwritten: a crash in between begins anew. */
const unscrubbed = "unscrubbed";
